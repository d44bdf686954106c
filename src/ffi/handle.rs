//! Handles: what C holds is a pointer to an opaque type, made, borrowed and freed only here.

use std::sync::atomic::{AtomicU64, Ordering};

use super::error::Failure;
use super::guard::catch;

/// A type that C sees only as a pointer.
pub(super) trait Handle: Sized {
    /// What the pointer stands for. Any thread may borrow it.
    type Object: Send + Sync;
    /// The type's name in C.
    const NAME: &'static str;
    /// Marks a live object of this type, different for each type.
    const TAG: u64;
}

/// Marks an object that was freed. Best effort: the memory may serve something else by then.
const FREED: u64 = u64::from_be_bytes(*b"tenasXXX");

/// What a handle points at. The tag comes first in all of them, so that it can be read before the
/// type is known.
#[repr(C)]
struct Allocation<T> {
    tag: AtomicU64,
    object: T,
}

/// Gives an object away to C.
pub(super) fn into_raw<H: Handle>(object: H::Object) -> *mut H {
    Box::into_raw(Box::new(Allocation { tag: AtomicU64::new(H::TAG), object })).cast()
}

/// Borrows what a handle stands for.
///
/// # Safety
///
/// `pointer` is NULL or a handle of this library that nobody frees during `'a`.
pub(super) unsafe fn borrow<'a, H: Handle>(
    pointer: *const H,
    argument: &str,
) -> Result<&'a H::Object, Failure> {
    if pointer.is_null() {
        return Err(Failure::null(argument));
    }
    let allocation = pointer.cast::<Allocation<H::Object>>();
    // SAFETY: every handle is aligned and begins with its tag.
    if !allocation.is_aligned() || unsafe { tag(pointer) }.load(Ordering::Relaxed) != H::TAG {
        return Err(Failure::invalid_argument(format!(
            "{argument}: found something else, expected a live {}",
            H::NAME
        )));
    }
    // SAFETY: the tag says that this is the type's allocation, and that it is alive.
    Ok(unsafe { &(*allocation).object })
}

/// Takes an object back from C and drops it. Nothing happens on NULL, nor on what is no live
/// handle of this type.
///
/// # Safety
///
/// `pointer` is NULL or a handle of this library that nobody uses any more.
pub(super) unsafe fn free<H: Handle>(pointer: *mut H) {
    // SAFETY: as the caller promises.
    if unsafe { borrow(pointer.cast_const(), "handle") }.is_err() {
        return;
    }
    // SAFETY: `borrow` has found it alive, so it is what `into_raw` gave away.
    let allocation = unsafe {
        tag(pointer).store(FREED, Ordering::Relaxed);
        Box::from_raw(pointer.cast::<Allocation<H::Object>>())
    };
    // Freeing cannot fail; a panicking destructor leaks the rest.
    let _ = catch(|| drop(allocation));
}

/// # Safety
///
/// `pointer` is a handle of this library, and aligned.
unsafe fn tag<'a, H>(pointer: *const H) -> &'a AtomicU64 {
    // SAFETY: every allocation begins with its tag.
    unsafe { &*pointer.cast::<AtomicU64>() }
}

#[cfg(test)]
mod tests {
    use super::super::status::tenas_status_code;
    use super::*;

    struct Number;
    impl Handle for Number {
        type Object = u8;
        const NAME: &'static str = "tenas_number";
        const TAG: u64 = 1;
    }
    struct Other;
    impl Handle for Other {
        type Object = String;
        const NAME: &'static str = "tenas_other";
        const TAG: u64 = 2;
    }

    #[test]
    fn null_and_the_wrong_type_are_refused() {
        let number = into_raw::<Number>(7);
        // SAFETY: NULL, and live handles.
        unsafe {
            assert_eq!(borrow(number.cast_const(), "n").unwrap(), &7);
            let wrong = borrow(number.cast_const().cast::<Other>(), "o").unwrap_err();
            assert_eq!(wrong.status, tenas_status_code::TENAS_ERROR_INVALID_ARGUMENT);
            assert_eq!(wrong.message, "o: found something else, expected a live tenas_other");
            let null = borrow(std::ptr::null::<Number>(), "n").unwrap_err();
            assert_eq!(null.status, tenas_status_code::TENAS_ERROR_NULL_POINTER);
            free(number.cast::<Other>());
            assert_eq!(borrow(number.cast_const(), "n").unwrap(), &7);
            free(number);
            free(std::ptr::null_mut::<Number>());
        }
    }
}
