//! A host's loader as a source of images.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::OnceLock;

use libc::c_void;

use super::dataset::{tenas_load_fn, tenas_release_fn};
use super::error::Failure;
use crate::data::{Source, digest_of};
use crate::float_state::in_callers;
use crate::{Error, Result};

/// Indices that a message names.
const NAMED: usize = 8;

/// Images that a function of the host's writes.
pub(super) struct HostImages {
    load: unsafe extern "C" fn(*const usize, usize, *mut u8, *mut c_void) -> i32,
    user: *mut c_void,
    count: usize,
    shape: [usize; 3],
    id: String,
    /// Gives the user pointer back. It is set once the data set owns that pointer.
    release: OnceLock<unsafe extern "C" fn(*mut c_void)>,
}

// SAFETY: the pointer is only handed back to the host's functions; tenas.h says on which threads,
// and that they must be fit for that.
unsafe impl Send for HostImages {}
// SAFETY: likewise.
unsafe impl Sync for HostImages {}

impl HostImages {
    pub(super) fn new(
        load: tenas_load_fn,
        user: *mut c_void,
        count: usize,
        shape: [usize; 3],
        id: &str,
    ) -> std::result::Result<Self, Failure> {
        let load = load.ok_or_else(|| Failure::null("load"))?;
        if id.is_empty() {
            return Err(Failure::invalid_argument(
                "id: found an empty text, expected a name of these images".to_owned(),
            ));
        }
        Ok(HostImages { load, user, count, shape, id: id.to_owned(), release: OnceLock::new() })
    }

    /// Makes this value the owner of the user pointer: `release` gets it when the value is dropped.
    pub(super) fn own(&self, release: tenas_release_fn) {
        if let Some(release) = release {
            let _ = self.release.set(release);
        }
    }
}

impl Drop for HostImages {
    fn drop(&mut self) {
        if let Some(release) = self.release.take() {
            // SAFETY: a function of that type for that pointer, as tenas.h asks; nobody has it any
            // more.
            in_callers(|| unsafe { release(self.user) });
        }
    }
}

impl Source for HostImages {
    fn count(&self) -> usize {
        self.count
    }

    fn shape(&self) -> [usize; 3] {
        self.shape
    }

    fn read(&self, index: usize, image: &mut [u8]) -> Result<()> {
        self.read_many(&[index], image).map(|_| ())
    }

    fn read_many(&self, indices: &[usize], images: &mut [u8]) -> Result<Vec<usize>> {
        let load = || {
            // SAFETY: a function of that type, as tenas.h asks; both arrays live during the call and
            // have `indices.len()` values and as many images.
            unsafe { (self.load)(indices.as_ptr(), indices.len(), images.as_mut_ptr(), self.user) }
        };
        let result = in_callers(load);
        if result == 0 {
            return Ok(Vec::new());
        }
        let named: Vec<String> = indices.iter().take(NAMED).map(usize::to_string).collect();
        let more = match indices.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let problem = format!("load returned {result} for images {}{more}", named.join(", "));
        Err(Error::io(Path::new(&self.id), io::Error::other(problem)))
    }

    fn digest(&self) -> Result<u64> {
        Ok(digest_of(self.id.as_bytes()))
    }
}

impl fmt::Debug for HostImages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostImages").field("id", &self.id).finish_non_exhaustive()
    }
}
