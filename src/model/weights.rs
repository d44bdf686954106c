//! The values of a network's parameters as a safetensors file, by the names that a PyTorch module's
//! `state_dict` has.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use safetensors::tensor::{Dtype, View};

use super::Network;
use crate::error::{Error, Result, room_for};
use crate::message::whole;
use crate::network::{Operation, Parameter};
use crate::replace::replace;

/// A tensor of the file.
struct TensorView<'a> {
    shape: Vec<usize>,
    values: Cow<'a, [f32]>,
}

impl View for TensorView<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        self.values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>().into()
    }
    fn data_len(&self) -> usize {
        size_of_val(&self.values[..])
    }
}

impl Network {
    /// The names of a batch normalisation's running mean and running variance, beside that of its
    /// scale.
    pub(crate) fn names_of_statistics(scale: &Parameter) -> [String; 2] {
        let module = scale.name.strip_suffix(".weight").unwrap_or(&scale.name);
        ["running_mean", "running_var"].map(|name| format!("{module}.{name}"))
    }

    /// Writes the values of the parameters as a safetensors file, with the statistics of batch
    /// normalisation: those of the network's file, or running means of 0 and variances of 1.
    /// `load_state_dict` of the module that [`write_pytorch`](Self::write_pytorch) writes takes all
    /// of it.
    ///
    /// The file is written beside and renamed.
    ///
    /// Errors: [`Error::InvalidState`] if the parameters have no values; [`Error::Io`];
    /// [`Error::OutOfMemory`].
    pub fn write_weights(&self, path: &Path) -> Result<()> {
        let (graph, values) = (self.graph(), self.known_values()?);
        let bytes = 3 * size_of_val(&values[..]);
        room_for(bytes, || format!("a file of {} parameters", values.len()))?;
        let parameters = graph.parameters.iter();
        let mut tensors: BTreeMap<String, TensorView<'_>> = parameters
            .map(|p| {
                let values = Cow::Borrowed(&values[p.range()]);
                (p.name.clone(), TensorView { shape: p.shape.clone(), values })
            })
            .collect();
        for (id, node) in graph.nodes.iter().enumerate() {
            let Operation::BatchNorm { scale, .. } = node.operation else { continue };
            let scale = &graph.parameters[scale];
            let statistics = self.statistics_at(id);
            for (name, values) in Self::names_of_statistics(scale).into_iter().zip(statistics) {
                let values = Cow::Owned(values);
                tensors.insert(name, TensorView { shape: scale.shape.clone(), values });
            }
        }
        let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
        let file = safetensors::serialize(tensors, Some(metadata)).map_err(|e| {
            Error::Internal(format!("weights that cannot be written: {}", whole(e)))
        })?;
        replace(path, &file)
    }
}
