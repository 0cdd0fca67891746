//! Firewalls that drop packets or translate the port first.
