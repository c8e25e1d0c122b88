//! Where memory comes from, and how soon it goes back.

use libmimalloc_sys::{mi_option_set_default, mi_option_t};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc.h, in milliseconds; the bindings don't name it.
const PURGE_DELAY: mi_option_t = 15;

/// Freed memory goes back to the system at once. By default it goes some time later, together with what is freed then: a
/// server that has become idle would keep what its last rush took. `MIMALLOC_PURGE_DELAY` still overrules this.
pub fn give_back_at_once() {
    // SAFETY: it stores a number in a table of the allocator; it may be called at any time, with any value, on any thread.
    #[expect(unsafe_code, reason = "the allocator's options have no safe interface")]
    unsafe {
        mi_option_set_default(PURGE_DELAY, 0);
    }
}
