//! Parameters
//!
//! What a configuration can be asked for and told, as data: for bindings that
//! take options by name, and for forms. All values are whole numbers; those of
//! a choice are its enum's.

use std::ffi::CString;

use libc::{c_char, size_t};
use once_cell::race::OnceBox;

use super::arguments::{self, Out, OutStruct, Versioned};
use super::config::{set, tenas_config};
use super::error::Failure;
use super::guard::guard;
use super::handle;
use super::search_space::tenas_search_space;
use super::status::{tenas_status, tenas_status_code};
use super::{dataset, space};
use crate::Config;
use crate::search::parameters::{PARAMETERS, Parameter};

/// What kind of values a parameter has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum tenas_parameter_type {
    /// A uint32_t.
    TENAS_PARAMETER_UINT32 = 1,
    /// A uint64_t.
    TENAS_PARAMETER_UINT64 = 2,
    /// One of a few, by their numbers, with names.
    TENAS_PARAMETER_CHOICE = 3,
}
use tenas_parameter_type::*;

/// A parameter of a configuration.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct tenas_parameter {
    /// Size of the struct: set it to sizeof(tenas_parameter) before you ask.
    pub struct_size: size_t,
    /// Its name, that of its setter if it has one: tenas_config_set_NAME. Owned
    /// by the library, valid for the life of the program.
    pub name: *const c_char,
    /// A tenas_parameter_type.
    pub r#type: i32,
    /// 1 if it decides what a search finds; 0 if only where it computes and
    /// how fast.
    pub decides: i32,
    /// Its value in the preset.
    pub preset: u64,
    /// Smallest value.
    pub minimum: u64,
    /// Largest value that this build of the library takes.
    pub maximum: u64,
    /// The names of a choice's values, from minimum on, with commas between;
    /// NULL for a number. It may have more than maximum allows: those of other
    /// builds. Owned by the library, valid for the life of the program.
    pub choices: *const c_char,
}

impl Versioned for tenas_parameter {
    const FIRST_SIZE: usize = size_of::<Self>();
}

/// Name and choices of each parameter as C strings.
static NAMES: OnceBox<Vec<(CString, Option<CString>)>> = OnceBox::new();

fn names() -> &'static [(CString, Option<CString>)] {
    // No name has a NUL inside.
    let c = |text: String| CString::new(text).unwrap_or_default();
    let names = |p: &Parameter| (c(p.name.to_owned()), p.choices.map(|names| c(names.join(","))));
    NAMES.get_or_init(|| Box::new(PARAMETERS.iter().map(names).collect()))
}

/// Sets *out to the number of parameters.
///
/// - TENAS_ERROR_NULL_POINTER: out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_parameter_count(out: *mut size_t) -> tenas_status {
    guard("tenas_parameter_count", || {
        // SAFETY: NULL or writable, as tenas.h asks.
        unsafe { Out::new(out, "out") }?.set(PARAMETERS.len());
        Ok(())
    })
}

/// Tells of a parameter in the preset of a space (a tenas_space) for a data set
/// (a tenas_dataset_kind). Set out->struct_size before the call.
///
/// - TENAS_ERROR_NOT_FOUND: index is not below tenas_parameter_count.
/// - TENAS_ERROR_INVALID_ARGUMENT: no such space or data set, or
///   out->struct_size is smaller than the struct was in its first version, or
///   larger than 4096.
/// - TENAS_ERROR_NULL_POINTER: out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_parameter_info(
    space: i32,
    dataset: i32,
    index: size_t,
    out: *mut tenas_parameter,
) -> tenas_status {
    guard("tenas_parameter_info", || {
        // SAFETY: NULL or a struct with its size set, as tenas.h asks.
        let out = unsafe { OutStruct::new(out, "out") }?;
        out.set(info(&Config::new(space::kind(space)?, dataset::kind(dataset)?), index)?);
        Ok(())
    })
}

/// tenas_parameter_info for any search space.
///
/// - TENAS_ERROR_NOT_FOUND: index is not below tenas_parameter_count.
/// - TENAS_ERROR_INVALID_ARGUMENT: no such data set, or out->struct_size is
///   smaller than the struct was in its first version, or larger than 4096.
/// - TENAS_ERROR_NULL_POINTER: space or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_search_space_parameter_info(
    space: *const tenas_search_space,
    dataset: i32,
    index: size_t,
    out: *mut tenas_parameter,
) -> tenas_status {
    guard("tenas_search_space_parameter_info", || {
        // SAFETY: NULL or a struct with its size set; NULL or a live handle, as tenas.h asks.
        let (out, space) =
            unsafe { (OutStruct::new(out, "out")?, handle::borrow(space, "space")?) };
        let config = Config::for_supernet(space.supernet.clone(), dataset::kind(dataset)?);
        out.set(info(&config, index)?);
        Ok(())
    })
}

/// Parameter number `index`, its preset that of `config`.
fn info(config: &Config, index: usize) -> Result<tenas_parameter, Failure> {
    let (Some(parameter), Some((name, choices))) = (PARAMETERS.get(index), names().get(index))
    else {
        return Err(Failure {
            status: tenas_status_code::TENAS_ERROR_NOT_FOUND,
            message: format!("index: found {index}, expected below {}", PARAMETERS.len()),
        });
    };
    Ok(tenas_parameter {
        struct_size: size_of::<tenas_parameter>(),
        name: name.as_ptr(),
        r#type: match parameter.maximum {
            _ if choices.is_some() => TENAS_PARAMETER_CHOICE,
            maximum if maximum > u32::MAX.into() => TENAS_PARAMETER_UINT64,
            _ => TENAS_PARAMETER_UINT32,
        } as i32,
        decides: parameter.decides.into(),
        preset: parameter.get(config),
        minimum: parameter.minimum,
        maximum: parameter.maximum,
        choices: choices.as_ref().map_or(std::ptr::null(), |text| text.as_ptr()),
    })
}

/// Sets a parameter by its name: what its own setter does. A new "device" is
/// the first of its kind; set "device_index" after it.
///
/// - TENAS_ERROR_NOT_FOUND: no parameter has that name.
/// - TENAS_ERROR_INVALID_ARGUMENT: the value is outside its range, or name is
///   not UTF-8.
/// - TENAS_ERROR_DEVICE: this build of the library has no such device.
/// - TENAS_ERROR_NULL_POINTER: config or name is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_set_parameter(
    config: *mut tenas_config,
    name: *const c_char,
    value: u64,
) -> tenas_status {
    // SAFETY: NULL or a live handle; NULL or a C string, as tenas.h asks.
    unsafe {
        set("tenas_config_set_parameter", config, |c| {
            Ok(Parameter::named(arguments::text(name, "name")?)?.set(c, value)?)
        })
    }
}

/// Sets *out to the value of the parameter of that name.
///
/// - TENAS_ERROR_NOT_FOUND: no parameter has that name.
/// - TENAS_ERROR_INVALID_ARGUMENT: name is not UTF-8.
/// - TENAS_ERROR_NULL_POINTER: config, name or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_parameter(
    config: *const tenas_config,
    name: *const c_char,
    out: *mut u64,
) -> tenas_status {
    guard("tenas_config_parameter", || {
        // SAFETY: NULL or a live handle; NULL or a C string; NULL or writable, as tenas.h asks.
        let (config, name, out) = unsafe {
            (
                handle::borrow(config, "config")?,
                arguments::text(name, "name")?,
                Out::new(out, "out")?,
            )
        };
        let parameter = Parameter::named(name)?;
        out.set(config.with("config", |c| parameter.get(c))?);
        Ok(())
    })
}
