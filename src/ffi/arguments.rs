//! Pointers and enums that C hands in, checked.

use std::ffi::CStr;
use std::ptr::NonNull;

use libc::{c_char, size_t};

use super::error::Failure;
use super::status::tenas_status_code;
use crate::message::clip_bytes;

/// Matches an `int32_t` against the constants of a C enum; the error lists them.
macro_rules! choose {
    ($argument:literal, $value:expr, $($name:ident => $result:expr),+ $(,)?) => {
        match $value {
            $(v if v == $name as i32 => Ok($result),)+
            v => Err($crate::ffi::error::Failure::invalid_argument(format!(
                "{}: found {v}, expected {}",
                $argument,
                [$(format!("{} ({})", stringify!($name), $name as i32)),+].join(", ")
            ))),
        }
    };
}
pub(super) use choose;

/// Borrows a NUL-terminated UTF-8 text.
///
/// # Safety
///
/// `pointer` is NULL or a C string that stays as it is during `'a`.
pub(super) unsafe fn text<'a>(pointer: *const c_char, argument: &str) -> Result<&'a str, Failure> {
    if pointer.is_null() {
        return Err(Failure::null(argument));
    }
    // SAFETY: not NULL, so a C string.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str().map_err(|e| {
        Failure::invalid_argument(format!(
            "{argument}: found bytes that are not UTF-8 at {}, expected UTF-8 (\"{}\")",
            e.valid_up_to(),
            clip_bytes(text.to_bytes())
        ))
    })
}

/// Borrows an array.
///
/// # Safety
///
/// `pointer` is NULL or points to `count` values that stay as they are during `'a`.
pub(super) unsafe fn slice<'a, T>(
    pointer: *const T,
    count: usize,
    argument: &str,
) -> Result<&'a [T], Failure> {
    if pointer.is_null() {
        return Err(Failure::null(argument));
    }
    if !pointer.is_aligned() || count > isize::MAX as usize / size_of::<T>().max(1) {
        return Err(Failure::invalid_argument(format!(
            "{argument}: found {count} values at {pointer:p}, expected an aligned array that fits \
             in memory"
        )));
    }
    // SAFETY: not NULL, aligned, not too long, and as the caller promises.
    Ok(unsafe { std::slice::from_raw_parts(pointer, count) })
}

/// Borrows an array, which may be NULL where it has no values.
///
/// # Safety
///
/// As for [`slice`].
pub(super) unsafe fn array<'a, T>(
    pointer: *const T,
    count: usize,
    argument: &str,
) -> Result<&'a [T], Failure> {
    match count {
        0 => Ok(&[]),
        // SAFETY: as the caller promises.
        count => unsafe { slice(pointer, count, argument) },
    }
}

/// Where a result goes. Made before the work, set after it, so that a failure leaves it as it was.
pub(super) struct Out<T>(NonNull<T>);

impl<T> Out<T> {
    /// # Safety
    ///
    /// `pointer` is NULL or can be written until this value is gone.
    pub(super) unsafe fn new(pointer: *mut T, argument: &str) -> Result<Self, Failure> {
        NonNull::new(pointer).map(Out).ok_or_else(|| Failure::null(argument))
    }

    pub(super) fn set(&self, value: T) {
        // SAFETY: `new` asks for a pointer that can be written.
        unsafe { self.0.as_ptr().write_unaligned(value) }
    }
}

/// Where numbers or structs go: `(T *values, size_t capacity, size_t *count)`.
pub(super) struct OutArray<T> {
    values: *mut T,
    capacity: usize,
    count: Out<size_t>,
    argument: &'static str,
}

impl<T: Copy> OutArray<T> {
    /// Sets `*count` to 0, so that it is set whatever happens later.
    ///
    /// # Safety
    ///
    /// `values` is NULL or can be written for `capacity` values, `count` is NULL or can be written,
    /// until this value is gone.
    pub(super) unsafe fn new(
        values: *mut T,
        capacity: size_t,
        count: *mut size_t,
        argument: &'static str,
    ) -> Result<Self, Failure> {
        // SAFETY: as the caller promises.
        let count = unsafe { Out::new(count, "count") }?;
        count.set(0);
        Ok(OutArray { values, capacity, count, argument })
    }

    /// Writes the values, if there is room for all of them; without an array only their number.
    pub(super) fn set(&self, values: &[T]) -> Result<(), Failure> {
        self.count.set(values.len());
        if self.values.is_null() {
            return match self.capacity {
                0 => Ok(()),
                _ => Err(Failure::null(self.argument)),
            };
        }
        if self.capacity < values.len() {
            return Err(Failure {
                status: tenas_status_code::TENAS_ERROR_BUFFER_TOO_SMALL,
                message: format!(
                    "capacity: found {}, expected at least {}",
                    self.capacity,
                    values.len()
                ),
            });
        }
        for (i, value) in values.iter().enumerate() {
            // SAFETY: `new` asks for `capacity` writable values, and i is below that.
            unsafe { self.values.add(i).write_unaligned(*value) };
        }
        Ok(())
    }
}

/// An output struct of the C ABI. It is `repr(C)`, begins with `size_t struct_size` and only grows.
pub(super) trait Versioned: Copy {
    /// Its size in the first release that had it.
    const FIRST_SIZE: usize;
}

/// Larger than any output struct will ever be: a larger `struct_size` was not set.
const LARGEST: usize = 4096;

/// A struct that comes from C, whose size the caller's header may know differently; `None` for NULL.
/// What an older caller's struct lacks is 0.
///
/// # Safety
///
/// `pointer` is NULL or points to a `struct_size` and, behind it, to as many bytes as that says. A `T`
/// of zeros is sound, and so is one of any bytes.
pub(super) unsafe fn optional_struct<T: Versioned>(
    pointer: *const T,
    argument: &str,
) -> Result<Option<T>, Failure> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, so there is a `struct_size`.
    let size = unsafe { pointer.cast::<size_t>().read_unaligned() };
    check_size::<T>(size, argument)?;
    let mut value = std::mem::MaybeUninit::<T>::zeroed();
    let known = size_of::<T>().min(size);
    // SAFETY: the caller promises `size` bytes, and that any bytes are a `T`.
    unsafe {
        std::ptr::copy_nonoverlapping(pointer.cast::<u8>(), value.as_mut_ptr().cast::<u8>(), known);
        Ok(Some(value.assume_init()))
    }
}

fn check_size<T: Versioned>(size: usize, argument: &str) -> Result<(), Failure> {
    if (T::FIRST_SIZE..=LARGEST).contains(&size) {
        return Ok(());
    }
    Err(Failure::invalid_argument(format!(
        "{argument}: found struct_size {size}, expected {} to {LARGEST}: set it to the struct's \
         sizeof before the call",
        T::FIRST_SIZE
    )))
}

/// Where an output struct goes, whose size the caller's header may know differently.
pub(super) struct OutStruct<T> {
    pointer: NonNull<T>,
    size: usize,
}

impl<T: Versioned> OutStruct<T> {
    /// # Safety
    ///
    /// `pointer` is NULL or points to a `struct_size` and, behind it, to as many writable bytes as
    /// that says, until this value is gone.
    pub(super) unsafe fn new(pointer: *mut T, argument: &str) -> Result<Self, Failure> {
        let first = NonNull::new(pointer).ok_or_else(|| Failure::null(argument))?;
        // SAFETY: not NULL, so there is a `struct_size`.
        let size = unsafe { first.cast::<size_t>().as_ptr().read_unaligned() };
        // SAFETY: as the caller promises.
        unsafe { Self::sized(pointer, argument, size) }
    }

    /// An element of an array: its size is that of the first.
    ///
    /// # Safety
    ///
    /// `pointer` is NULL or points to `size` writable bytes, until this value is gone.
    pub(super) unsafe fn sized(
        pointer: *mut T,
        argument: &str,
        size: usize,
    ) -> Result<Self, Failure> {
        let pointer = NonNull::new(pointer).ok_or_else(|| Failure::null(argument))?;
        check_size::<T>(size, argument)?;
        Ok(OutStruct { pointer, size })
    }

    /// The size that the caller's header has.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Writes what the caller's struct has room for and zeroes the rest of it; `struct_size` stays.
    pub(super) fn set(&self, value: T) {
        let from = std::ptr::from_ref(&value).cast::<u8>();
        let to = self.pointer.as_ptr().cast::<u8>();
        let (first, known) = (size_of::<size_t>(), size_of::<T>().min(self.size));
        // SAFETY: `new` asks for `size` writable bytes, and `known` is no more than either struct
        // has. Bytes are copied untyped, so padding and alignment do not matter.
        unsafe {
            std::ptr::copy_nonoverlapping(from.add(first), to.add(first), known - first);
            to.add(known).write_bytes(0, self.size - known);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::status::tenas_status_code;
    use super::*;

    /// A struct that has grown: `b` came later.
    #[derive(Clone, Copy)]
    #[repr(C)]
    struct Pair {
        struct_size: size_t,
        a: u64,
        b: u64,
    }
    impl Versioned for Pair {
        const FIRST_SIZE: usize = 16;
    }

    /// What a caller's 32 bytes hold after a call with this `struct_size`.
    fn filled(size: usize) -> Result<[u64; 4], Failure> {
        let mut memory = [size as u64, 7, 7, 7];
        // SAFETY: 32 bytes can be written.
        unsafe { OutStruct::new(memory.as_mut_ptr().cast::<Pair>(), "pair") }?.set(Pair {
            struct_size: 24,
            a: 1,
            b: 2,
        });
        Ok(memory)
    }

    #[test]
    fn structs_of_every_size() {
        assert_eq!(filled(16).unwrap(), [16, 1, 7, 7]);
        assert_eq!(filled(24).unwrap(), [24, 1, 2, 7]);
        assert_eq!(filled(32).unwrap(), [32, 1, 2, 0]);
        for size in [0, 15, 4097, usize::MAX] {
            let refused = filled(size).unwrap_err();
            assert_eq!(refused.status, tenas_status_code::TENAS_ERROR_INVALID_ARGUMENT);
            assert!(refused.message.contains(&format!("struct_size {size}, expected 16")));
        }
    }

    #[test]
    fn structs_that_come_in() {
        // SAFETY: NULL, and structs of the size that they say.
        let read = |memory: [u64; 4]| unsafe {
            optional_struct(memory.as_ptr().cast::<Pair>(), "pair")
                .map(|pair| pair.map(|p| (p.a, p.b)))
        };
        assert_eq!(read([16, 1, 7, 7]).unwrap(), Some((1, 0)));
        assert_eq!(read([24, 1, 2, 7]).unwrap(), Some((1, 2)));
        assert_eq!(read([32, 1, 2, 7]).unwrap(), Some((1, 2)));
        assert!(read([15, 1, 2, 7]).unwrap_err().message.contains("struct_size 15, expected 16"));
        // SAFETY: NULL.
        assert!(unsafe { optional_struct(std::ptr::null::<Pair>(), "pair") }.unwrap().is_none());
    }

    #[test]
    fn a_text_must_be_utf8() {
        // SAFETY: a C string.
        let refused = unsafe { text(c"ab\xff".as_ptr(), "path") }.unwrap_err();
        assert!(refused.message.starts_with("path: found bytes that are not UTF-8 at 2"));
        // SAFETY: a C string.
        let refused = unsafe { text(c"\x1b[31m\xff".as_ptr(), "path") }.unwrap_err();
        assert!(refused.message.ends_with("(\"\\u{1b}[31m\\xff\")"), "{}", refused.message);
    }

    #[test]
    fn an_array_must_be_aligned() {
        let numbers = [1_u32, 2];
        // SAFETY: it is refused before it is read.
        let refused = unsafe { slice(numbers.as_ptr().byte_add(1), 1, "mean") }.unwrap_err();
        assert_eq!(refused.status, tenas_status_code::TENAS_ERROR_INVALID_ARGUMENT);
    }
}
