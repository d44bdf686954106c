//! Text that comes out into a caller's buffer.

use libc::{c_char, size_t};

use super::arguments::Out;
use super::error::Failure;
use super::status::tenas_status_code;

/// Where a text goes: `(char *buffer, size_t capacity, size_t *length)`.
pub(super) struct OutText {
    buffer: *mut c_char,
    capacity: usize,
    length: Out<size_t>,
}

impl OutText {
    /// Sets `*length` to 0, so that it is set whatever happens later.
    ///
    /// # Safety
    ///
    /// `buffer` is NULL or can be written for `capacity` bytes, `length` is NULL or can be
    /// written, until this value is gone.
    pub(super) unsafe fn new(
        buffer: *mut c_char,
        capacity: size_t,
        length: *mut size_t,
    ) -> Result<Self, Failure> {
        // SAFETY: as the caller promises.
        let length = unsafe { Out::new(length, "length") }?;
        length.set(0);
        if buffer.is_null() && capacity != 0 {
            return Err(Failure {
                status: tenas_status_code::TENAS_ERROR_NULL_POINTER,
                message: format!(
                    "buffer: found NULL with a capacity of {capacity}, expected a buffer, or a \
                     capacity of 0 to ask for the length"
                ),
            });
        }
        Ok(OutText { buffer, capacity, length })
    }

    /// Writes the text and its NUL, if there is room for all of it.
    pub(super) fn set(&self, text: &str) -> Result<(), Failure> {
        self.length.set(text.len());
        if self.buffer.is_null() {
            return Ok(());
        }
        let needed = text.len() + 1;
        if self.capacity < needed {
            return Err(Failure {
                status: tenas_status_code::TENAS_ERROR_BUFFER_TOO_SMALL,
                message: format!("capacity: found {}, expected at least {needed}", self.capacity),
            });
        }
        // SAFETY: `new` asks for `capacity` writable bytes; there is room for the text and its NUL.
        unsafe {
            std::ptr::copy_nonoverlapping(text.as_ptr().cast(), self.buffer, text.len());
            self.buffer.add(text.len()).write(0);
        }
        Ok(())
    }
}
