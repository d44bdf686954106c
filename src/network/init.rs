//! Initialisation of parameters (section 3.5).

use super::parameters::{Parameter, ParameterKind, ParameterTable};
use crate::digest::digest_of;
use crate::error::{Result, try_vec};
use crate::random::Key;

/// How parameters are initialised. The numbers are those of the C ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum Init {
    /// As the paper says: Kaiming normal, fan-out for the NTK, fan-in for regions; BN 1 and 0,
    /// bias 0.
    KaimingNormal = 1,
    /// As the published code does: PyTorch's default, Kaiming uniform with a = sqrt 5.
    TorchDefault = 2,
    /// Weights standard normal, BN 1 and 0, bias 0: what some proxies ask for.
    StandardNormal = 3,
}

/// Which fan scales Kaiming normal: std = sqrt(2 / fan).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fan {
    /// `shape[1] k k`: the thin network.
    In,
    /// `shape[0] k k`, not divided by groups: the NTK network.
    Out,
}

/// Draws the parameters of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Initialiser {
    /// The method.
    pub init: Init,
    /// The fan of Kaiming normal.
    pub fan: Fan,
    /// The draw.
    pub key: Key,
}

impl Initialiser {
    /// Values of the whole table. A parameter's values depend on itself and the method
    /// alone, so an operation has the same weights whatever else is active.
    ///
    /// Errors: [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn draw(&self, table: &ParameterTable) -> Result<Vec<f32>> {
        let mut values = try_vec(0.0, table.len(), "parameters")?;
        for parameter in table.iter() {
            self.fill(parameter, &mut values[parameter.range()]);
        }
        Ok(values)
    }

    fn fill(&self, p: &Parameter, values: &mut [f32]) {
        let receptive: usize = p.shape.iter().skip(2).product();
        let weight = matches!(p.kind, ParameterKind::ConvWeight | ParameterKind::LinearWeight);
        match (p.kind, self.init) {
            (ParameterKind::NormScale, _) => values.fill(1.0),
            (ParameterKind::NormShift, _) => values.fill(0.0),
            (kind, Init::KaimingNormal | Init::StandardNormal) if kind.is_bias() => {
                values.fill(0.0);
            }
            (_, Init::StandardNormal) => {
                let mut stream = self.key.stream(stream_of(&p.name));
                values.fill_with(|| stream.normal() as f32);
            }
            (_, Init::KaimingNormal) => {
                let fan = match self.fan {
                    Fan::In => p.shape[1],
                    Fan::Out => p.shape[0],
                } * receptive;
                let std = (2.0 / fan as f64).sqrt();
                let mut stream = self.key.stream(stream_of(&p.name));
                values.fill_with(|| (std * stream.normal()) as f32);
            }
            (_, Init::TorchDefault) => {
                let fan_in = if weight { p.shape[1] * receptive } else { p.bias_fan_in };
                let bound = 1.0 / (fan_in as f64).sqrt();
                let mut stream = self.key.stream(stream_of(&p.name));
                values.fill_with(|| (bound * (2.0 * stream.unit() - 1.0)) as f32);
            }
        }
    }
}

/// The random stream of a parameter, by its name.
fn stream_of(name: &str) -> u64 {
    digest_of(name.as_bytes())
}
