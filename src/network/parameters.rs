//! The flat table of a network's parameters, by PyTorch's names.

/// Index into [`ParameterTable`].
pub type ParameterId = usize;

/// What a parameter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ParameterKind {
    /// Weight of a convolution: `[out, in / groups, k, k]`.
    ConvWeight,
    /// Scale of a batch normalisation: `[channels]`.
    NormScale,
    /// Shift of a batch normalisation: `[channels]`.
    NormShift,
    /// Matrix of the linear layer: `[classes, channels]`.
    LinearWeight,
    /// Bias of the linear layer: `[classes]`.
    LinearBias,
    /// Bias of a convolution: `[out]`.
    ConvBias,
}

impl ParameterKind {
    /// Whether the NTK differentiates by it (section 3.2): weights yes, biases and shifts no.
    pub fn is_counted(self) -> bool {
        !matches!(self, ParameterKind::NormShift) && !self.is_bias()
    }

    /// Whether it is the bias of a convolution or of a linear layer.
    pub fn is_bias(self) -> bool {
        matches!(self, ParameterKind::LinearBias | ParameterKind::ConvBias)
    }
}

/// One parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// PyTorch's name.
    pub name: String,
    /// What it is.
    pub kind: ParameterKind,
    /// Its shape.
    pub shape: Vec<usize>,
    /// First element in the flat vector of parameters.
    pub offset: usize,
    /// First column in J, for those that are counted.
    pub column: Option<usize>,
    /// For a bias: fan-in of the weight that it goes with.
    pub bias_fan_in: usize,
}

impl Parameter {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its range in the flat vector of parameters.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.len()
    }
}

/// All parameters of a network.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ParameterTable {
    parameters: Vec<Parameter>,
    len: usize,
    columns: usize,
}

impl ParameterTable {
    /// Adds a parameter at the end.
    pub(super) fn push(
        &mut self,
        name: String,
        kind: ParameterKind,
        shape: &[usize],
        bias_fan_in: usize,
    ) -> ParameterId {
        let column = kind.is_counted().then_some(self.columns);
        let parameter =
            Parameter { name, kind, shape: shape.to_vec(), offset: self.len, column, bias_fan_in };
        self.len += parameter.len();
        if column.is_some() {
            self.columns += parameter.len();
        }
        self.parameters.push(parameter);
        self.parameters.len() - 1
    }

    /// Number of elements of all parameters.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of columns of J.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The parameters, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Parameter> {
        self.parameters.iter()
    }
}

impl std::ops::Index<ParameterId> for ParameterTable {
    type Output = Parameter;
    fn index(&self, id: ParameterId) -> &Parameter {
        &self.parameters[id]
    }
}
