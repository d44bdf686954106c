//! CUDA, found at run time: one library serves hosts with and without a GPU.
//!
//! The library is linked to libtorch_cpu alone. libtorch learns of CUDA from libtorch_cuda, which
//! must be in the process before libtorch is first asked for it, since it remembers the answer.
#![allow(unsafe_code)]

use std::ffi::CStr;

use libc::{RTLD_DEFAULT, RTLD_GLOBAL, RTLD_NODELETE, RTLD_NOW, c_int, c_void, dlopen, dlsym};
use once_cell::race::{OnceBool, OnceBox};

use crate::error::{Error, Result};
use crate::fork::Maker;

/// Whether libtorch_cuda is in the process.
static LOADED: OnceBool = OnceBool::new();

/// Loads libtorch_cuda, if it is there. To be called before anything else of libtorch.
pub(super) fn load() -> bool {
    // Two threads may come here at once: the loader loads it once.
    LOADED.get_or_init(|| {
        let name = c"libtorch_cuda.so";
        // SAFETY: a NUL-terminated name; initialisers of libtorch are made to be run by the loader.
        !unsafe { dlopen(name.as_ptr(), RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE) }.is_null()
    })
}

/// The number of GPUs, and the process that asked for it. Its forked children cannot use CUDA.
static GPUS: OnceBox<(Maker, usize)> = OnceBox::new();

fn gpus() -> (Maker, usize) {
    *GPUS.get_or_init(|| {
        let count = if load() && tch::Cuda::is_available() { tch::Cuda::device_count() } else { 0 };
        Box::new((Maker::here(), usize::try_from(count).unwrap_or(0)))
    })
}

/// GPUs that libtorch can use.
pub(super) fn devices() -> usize {
    gpus().1
}

/// [`Error::InvalidState`] in a process that was forked after CUDA was first used.
pub(super) fn check_process() -> Result<()> {
    let (maker, count) = gpus();
    if count == 0 || maker.is_here() {
        return Ok(());
    }
    Err(Error::InvalidState(
        "device: found CUDA in the forked child of a process that uses it, where it does not work; \
         expected a process that was started anew (in Python, multiprocessing.get_context(\"spawn\")), \
         or the CPU"
            .to_owned(),
    ))
}

fn symbol(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: a NUL-terminated name.
    let address = unsafe { dlsym(RTLD_DEFAULT, name.as_ptr()) };
    (!address.is_null()).then_some(address)
}

/// Free memory of a GPU in bytes, where CUDA's run-time library says.
pub(super) fn free_memory(index: usize) -> Option<u64> {
    type GetDevice = unsafe extern "C" fn(*mut c_int) -> c_int;
    type SetDevice = unsafe extern "C" fn(c_int) -> c_int;
    type GetInfo = unsafe extern "C" fn(*mut usize, *mut usize) -> c_int;
    let index = c_int::try_from(index).ok()?;
    // SAFETY: the signatures of CUDA's run-time API, the same since its first version; the pointers
    // are to locals. The calling thread's device is put back.
    unsafe {
        let get_device: GetDevice = std::mem::transmute(symbol(c"cudaGetDevice")?);
        let set_device: SetDevice = std::mem::transmute(symbol(c"cudaSetDevice")?);
        let get_info: GetInfo = std::mem::transmute(symbol(c"cudaMemGetInfo")?);
        let (mut current, mut free, mut total) = (0, 0, 0);
        if get_device(&mut current) != 0 || set_device(index) != 0 {
            return None;
        }
        let failed = get_info(&mut free, &mut total) != 0;
        set_device(current);
        (!failed).then_some(free as u64)
    }
}
