//! Static binaries of musl start sooner than dynamic ones, but its allocator costs half of what that saves.

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;
