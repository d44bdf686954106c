//! Mixed precision of the calling thread, switched off for a while.
//!
//! tch switches it for CUDA alone, through functions that libtorch has deprecated: each call of them
//! prints a warning into the host's stderr. Their successors are called here by their C++ names, which
//! cannot change under us: tch goes with one version of libtorch.
#![allow(unsafe_code)]

/// `c10::DeviceType`.
type DeviceType = i8;

/// CPU and CUDA, by libtorch's numbers.
const DEVICES: [DeviceType; 2] = [0, 1];

unsafe extern "C" {
    #[link_name = "_ZN2at8autocast19is_autocast_enabledEN3c1010DeviceTypeE"]
    fn is_autocast_enabled(device: DeviceType) -> bool;
    #[link_name = "_ZN2at8autocast20set_autocast_enabledEN3c1010DeviceTypeEb"]
    fn set_autocast_enabled(device: DeviceType, enabled: bool);
}

/// No mixed precision on this thread while it lives.
#[derive(Debug)]
pub(super) struct FullPrecision {
    before: [bool; DEVICES.len()],
}

impl FullPrecision {
    pub(super) fn new() -> Self {
        // SAFETY: libtorch_cpu has these, with these arguments; they read and write a thread local,
        // and throw for device types alone that have no mixed precision.
        let before = DEVICES.map(|device| unsafe {
            let before = is_autocast_enabled(device);
            if before {
                set_autocast_enabled(device, false);
            }
            before
        });
        FullPrecision { before }
    }
}

impl Drop for FullPrecision {
    fn drop(&mut self) {
        for (device, before) in DEVICES.into_iter().zip(self.before) {
            if before {
                // SAFETY: as above.
                unsafe { set_autocast_enabled(device, true) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enabled() -> [bool; DEVICES.len()] {
        // SAFETY: as above.
        DEVICES.map(|device| unsafe { is_autocast_enabled(device) })
    }

    #[test]
    fn the_hosts_choice_comes_back() {
        assert_eq!(enabled(), [false, false]);
        drop(FullPrecision::new());
        assert_eq!(enabled(), [false, false]);
        // SAFETY: as above; this thread's alone.
        unsafe { set_autocast_enabled(DEVICES[0], true) };
        {
            let _full_precision = FullPrecision::new();
            assert_eq!(enabled(), [false, false]);
        }
        assert_eq!(enabled(), [true, false]);
        // A panic does not skip it.
        let panicked = std::panic::catch_unwind(|| {
            let _full_precision = FullPrecision::new();
            panic!("on purpose");
        });
        assert!(panicked.is_err());
        assert_eq!(enabled(), [true, false]);
        // SAFETY: as above.
        unsafe { set_autocast_enabled(DEVICES[0], false) };
    }
}
