//! Handles: what C holds is a pointer to an opaque type, made, borrowed and freed only here.

use std::sync::atomic::{AtomicU64, Ordering};

use super::error::Failure;
use super::guard::catch;
use super::status::tenas_status_code;
use crate::fork::Maker;

/// A type that C sees only as a pointer.
pub(super) trait Handle: Sized {
    /// What the pointer stands for. Any thread may borrow it.
    type Object: Send + Sync;
    /// The type's name in C.
    const NAME: &'static str;
    /// Marks a live object of this type, different for each type.
    const TAG: u64;
    /// Whether a forked child may use the objects of its parent.
    const SURVIVES_FORK: bool;

    /// Whether no call was changing the object when this process was forked. One that is not whole
    /// is never dropped.
    fn is_whole(_: &Self::Object) -> bool {
        true
    }
}

/// Marks an object that was freed. Best effort: the memory may serve something else by then.
const FREED: u64 = u64::from_be_bytes(*b"tenasXXX");

/// What a handle points at. The tag comes first in all of them, so that it can be read before the
/// type is known.
#[repr(C)]
struct Allocation<T> {
    tag: AtomicU64,
    maker: Maker,
    object: T,
}

/// Gives an object away to C.
pub(super) fn into_raw<H: Handle>(object: H::Object) -> *mut H {
    Box::into_raw(Box::new(Allocation {
        tag: AtomicU64::new(H::TAG),
        maker: Maker::here(),
        object,
    }))
    .cast()
}

/// Why a pointer is no handle that can be used here.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unusable {
    Null,
    NoLiveHandle,
    Forked(Maker),
}

impl Unusable {
    pub(super) fn status(self) -> tenas_status_code {
        match self {
            Unusable::Null => tenas_status_code::TENAS_ERROR_NULL_POINTER,
            Unusable::NoLiveHandle => tenas_status_code::TENAS_ERROR_INVALID_ARGUMENT,
            Unusable::Forked(_) => tenas_status_code::TENAS_ERROR_INVALID_STATE,
        }
    }
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
    // SAFETY: as the caller promises.
    unsafe { find(pointer) }.map_err(|unusable| match unusable {
        Unusable::Null => Failure::null(argument),
        Unusable::NoLiveHandle => Failure::invalid_argument(format!(
            "{argument}: found something else, expected a live {}",
            H::NAME
        )),
        Unusable::Forked(maker) => match maker.check(argument) {
            Err(error) => error.into(),
            Ok(()) => Failure::internal("a process that is its own child"),
        },
    })
}

/// [`borrow`] that allocates nothing, also if it fails: for signal handlers.
///
/// # Safety
///
/// That of [`borrow`].
pub(super) unsafe fn find<'a, H: Handle>(pointer: *const H) -> Result<&'a H::Object, Unusable> {
    // SAFETY: as the caller promises.
    let allocation = unsafe { allocation(pointer) }?;
    if !H::SURVIVES_FORK && !allocation.maker.is_here() {
        return Err(Unusable::Forked(allocation.maker));
    }
    Ok(&allocation.object)
}

/// # Safety
///
/// That of [`borrow`].
unsafe fn allocation<'a, H: Handle>(
    pointer: *const H,
) -> Result<&'a Allocation<H::Object>, Unusable> {
    if pointer.is_null() {
        return Err(Unusable::Null);
    }
    let allocation = pointer.cast::<Allocation<H::Object>>();
    // SAFETY: every handle is aligned and begins with its tag.
    if !allocation.is_aligned() || unsafe { tag(pointer) }.load(Ordering::Relaxed) != H::TAG {
        return Err(Unusable::NoLiveHandle);
    }
    // SAFETY: the tag says that this is the type's allocation, and that it is alive.
    Ok(unsafe { &*allocation })
}

/// Takes an object back from C and drops it. Nothing happens on NULL, nor on what is no live
/// handle of this type. In a forked child, an object that was being changed is left as it is.
///
/// # Safety
///
/// `pointer` is NULL or a handle of this library that nobody uses any more.
pub(super) unsafe fn free<H: Handle>(pointer: *mut H) {
    // SAFETY: as the caller promises.
    let Ok(found) = (unsafe { allocation(pointer.cast_const()) }) else { return };
    found.tag.store(FREED, Ordering::Relaxed);
    if !found.maker.is_here() && !H::is_whole(&found.object) {
        return;
    }
    // SAFETY: it was alive, so it is what `into_raw` gave away.
    let allocation = unsafe { Box::from_raw(pointer.cast::<Allocation<H::Object>>()) };
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
    use super::*;

    struct Number;
    impl Handle for Number {
        type Object = u8;
        const NAME: &'static str = "tenas_number";
        const TAG: u64 = 1;
        const SURVIVES_FORK: bool = true;
    }
    struct Other;
    impl Handle for Other {
        type Object = String;
        const NAME: &'static str = "tenas_other";
        const TAG: u64 = 2;
        const SURVIVES_FORK: bool = true;
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
