//! A faster allocator for musl. Static binaries start sooner than dynamic ones, but the allocator
//! of musl costs half of what that saves.

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;
