//! The space file: a search space as JSON. `docs/space.schema.json` describes it.

mod check;
mod layers;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use self::layers::is_default;
pub use self::layers::{
    Amount, Branches, Channels, Conv, CountedFrom, Layer, Named, Padding, Part, Pool, Round,
    Sequence, Stride,
};
use super::{Preset, RankPreset, Space};
use crate::document;
use crate::error::{Error, Result, room_for_json};

/// What kind of file it is.
pub const FORMAT: &str = "tenas space";
/// The version of the format; a larger one is refused as newer.
pub const VERSION: u32 = 1;

/// What a file may ask for. All of it is far above published spaces, and keeps a hostile file from
/// taking the machine.
pub mod limits {
    /// Bytes of a file.
    pub const BYTES: usize = 1 << 20;
    /// Characters of a name.
    pub const NAME: usize = 64;
    /// Operations.
    pub const OPERATIONS: usize = 64;
    /// Kinds of cell, and groups of choices, together.
    pub const CELLS: usize = 16;
    /// Nodes of a cell, and edges of a group of choices.
    pub const NODES: usize = 64;
    /// Edges of all cells and groups.
    pub const EDGES: usize = 1024;
    /// Layers of a recipe, those inside others counted.
    pub const LAYERS: usize = 64;
    /// Layers inside each other.
    pub const DEPTH: usize = 8;
    /// Side of a kernel or a window.
    pub const KERNEL: u32 = 15;
    /// Step of a window, and of a place.
    pub const STRIDE: u32 = 8;
    /// Distance of a kernel's taps.
    pub const DILATION: u32 = 8;
    /// Channels of a part, in units of the network's; and what they are multiplied or divided by.
    pub const CHANNELS: u32 = 4096;
    /// Parts of a macro structure.
    pub const PARTS: usize = 256;
    /// How often a part is repeated.
    pub const REPEAT: u32 = 64;
    /// Side of an image.
    pub const IMAGE: u32 = 1024;
    /// Macro structures, presets, and networks that are trained.
    pub const NETWORKS: usize = 16;
}

/// A whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpaceFile {
    /// Where the schema is, for editors.
    #[serde(rename = "$schema", default, skip_serializing)]
    pub schema: Option<String>,
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// The name that users type.
    pub name: String,
    /// What the space is, for readers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How genotypes are written.
    #[serde(default, skip_serializing_if = "is_default")]
    pub text: TextForm,
    /// All options of all edges, in the order of the mask.
    pub operations: Vec<OperationFile>,
    /// Kinds of cell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cells: Vec<CellFile>,
    /// Groups of choices that are not on the edges of a cell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<ChoicesFile>,
    /// Structures of whole networks.
    pub macros: BTreeMap<String, MacroFile>,
    /// The networks.
    pub networks: NetworksFile,
    /// What a search prunes, in order.
    #[serde(default = "operations_only")]
    pub stages: Vec<StageFile>,
    /// Published hyper-parameters.
    #[serde(default, skip_serializing_if = "is_default")]
    pub preset: Preset,
    /// Those of data sets that have their own, by the data set's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub presets: BTreeMap<String, Preset>,
    /// Hyper-parameters of the strategy `rank`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rank: RankPreset,
}

/// How the genotypes of a space are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum TextForm {
    /// `name[cell: operation, operation; cell: ...]`.
    #[default]
    #[serde(rename = "generic")]
    Generic,
    /// As NAS-Bench-201 writes its own: one cell of one input.
    #[serde(rename = "nas-bench-201")]
    NasBench201,
    /// As DARTS writes its own: its two cells.
    #[serde(rename = "darts")]
    Darts,
}

/// An option: a recipe of layers, zero, or a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperationFile {
    /// Its name.
    pub name: String,
    /// The recipe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layers: Option<Vec<Layer>>,
    /// The recipe at a place with a stride, if that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strided: Option<Vec<Layer>>,
    /// It contributes nothing.
    #[serde(default, skip_serializing_if = "is_default")]
    pub zero: bool,
    /// A number, of channels or of repetitions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<u32>,
}

/// A kind of cell: a graph whose edges have operations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellFile {
    /// Its name.
    pub name: String,
    /// How many outputs of earlier parts it reads: 1 or 2.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub inputs: usize,
    /// Nodes, each the sum of the edges that end in it.
    pub nodes: usize,
    /// The number of the first node in the names of edges; by default that of the state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_node: Option<usize>,
    /// Which nodes read which states. Inputs are the first states, then come the nodes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub edges: EdgesFile,
    /// The operations of its edges; by default all recipes and zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<Vec<String>>,
    /// What its nodes become.
    #[serde(default, skip_serializing_if = "is_default")]
    pub output: Output,
    /// What each input goes through first; by default nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub preprocess: Vec<RecipeFile>,
    /// Names of parameters inside the cell, from `{edge}`, `{operation}` and `{index}`.
    #[serde(default = "edge_path", skip_serializing_if = "is_edge_path")]
    pub path: String,
}

/// The edges of a cell.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EdgesFile {
    /// Each node reads all states before it.
    #[default]
    All,
    /// Those that are listed, by the node they end in.
    Listed(Vec<EdgeFile>),
}

/// One edge of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EdgeFile {
    /// The state that is read.
    pub from: usize,
    /// The node it ends in, by the number in names.
    pub to: usize,
    /// Its operations, if they are not those of the cell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<Vec<String>>,
}

/// What the nodes of a cell become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Output {
    /// The last node is the output.
    #[default]
    Last,
    /// All nodes are added.
    Sum,
    /// All nodes are concatenated.
    Concat,
}

/// A recipe outside of the operations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipeFile {
    /// The layers.
    pub layers: Vec<Layer>,
    /// The layers where there is a stride, if they are others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strided: Option<Vec<Layer>>,
}

/// Choices with the same options: the blocks of a chain, the channels or repetitions of stages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChoicesFile {
    /// The group's name.
    pub name: String,
    /// The options of each.
    pub options: Vec<String>,
    /// The names of the choices.
    pub edges: Vec<String>,
}

/// The structure of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MacroFile {
    /// What height and width of images must be divisible by.
    #[serde(default = "one_u32", skip_serializing_if = "is_one_u32")]
    pub divisible_by: u32,
    /// What images go through first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stem: Vec<StemFile>,
    /// Cells, blocks and layers.
    pub body: Vec<PartFile>,
    /// What comes before pooling and the linear layer.
    #[serde(default, skip_serializing_if = "is_default")]
    pub head: HeadFile,
    /// Parameters of the body begin with this name and the number of the part.
    #[serde(default = "cells", skip_serializing_if = "is_cells")]
    pub path: String,
}

/// A part of the stem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StemFile {
    /// Parameters begin with this name.
    #[serde(default = "stem", skip_serializing_if = "is_stem")]
    pub name: String,
    /// Channels, in units of the network's.
    #[serde(default, skip_serializing_if = "Amount::is_one")]
    pub channels: Amount,
    /// The layers.
    pub layers: Vec<Layer>,
}

/// A part of the body: a cell, a choice of a group, or fixed layers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartFile {
    /// A kind of cell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<String>,
    /// A choice, `"group.edge"`, whose options are recipes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<String>,
    /// Layers that every network has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layers: Option<Vec<Layer>>,
    /// Those where there is a stride, if they are others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strided: Option<Vec<Layer>>,
    /// How often, one after the other: a number, `"cells"`, or a choice.
    #[serde(default, skip_serializing_if = "Amount::is_one")]
    pub repeat: Amount,
    /// Channels, in units of the network's: a number, or a choice.
    #[serde(default, skip_serializing_if = "Amount::is_one")]
    pub channels: Amount,
    /// Stride of the first repetition.
    #[serde(default = "one_u32", skip_serializing_if = "is_one_u32")]
    pub stride: u32,
}

/// The end of a network, before global average pooling and a linear layer with bias.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadFile {
    /// Parameters of the layers begin with this name.
    #[serde(default = "head", skip_serializing_if = "is_head")]
    pub name: String,
    /// Channels, in units of the network's.
    #[serde(default, skip_serializing_if = "Amount::is_one")]
    pub channels: Amount,
    /// The layers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<Layer>,
    /// The name of the linear layer.
    #[serde(default = "classifier", skip_serializing_if = "is_classifier")]
    pub classifier: String,
}

impl Default for HeadFile {
    fn default() -> Self {
        let (channels, layers) = (Amount::default(), Vec::new());
        HeadFile { name: head(), channels, layers, classifier: classifier() }
    }
}

/// The networks of a space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworksFile {
    /// The one whose NTK is measured.
    pub ntk: NetworkFile,
    /// The one that counts linear regions, on images of 1 x 3 x 3; by default the NTK's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thin: Option<NetworkFile>,
    /// The one that is trained.
    pub training: NetworkFile,
    /// Those that are trained on some data sets, by the data set's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub training_on: BTreeMap<String, NetworkFile>,
}

/// A network: a structure and its sizes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkFile {
    /// The name of the structure.
    #[serde(rename = "macro")]
    pub structure: String,
    /// The unit of channels.
    pub channels: u32,
    /// What `"cells"` stands for.
    #[serde(default = "one_u32", skip_serializing_if = "is_one_u32")]
    pub cells: u32,
    /// Whether it has the stem of its structure.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub stem: bool,
    /// Side of its images, whatever the size of those at hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<u32>,
}

/// A stage of the search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StageFile {
    /// Rounds that remove operations until every edge has one.
    Operations,
    /// A round that removes edges into one node.
    Edges(EdgeGroupFile),
}

/// The edges into a node, of which some stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EdgeGroupFile {
    /// The kind of cell.
    pub cell: String,
    /// The node.
    pub node: usize,
    /// How many edges stay.
    pub keep: usize,
}

fn operations_only() -> Vec<StageFile> {
    vec![StageFile::Operations]
}

macro_rules! defaults {
    ($($name:ident, $is:ident, $type:ty = $value:expr;)+) => {$(
        fn $name() -> $type {
            $value.into()
        }
        fn $is(value: &$type) -> bool {
            *value == $name()
        }
    )+};
}
defaults! {
    one, is_one, usize = 1usize;
    one_u32, is_one_u32, u32 = 1u32;
    yes, is_yes, bool = true;
    edge_path, is_edge_path, String = "edges.{edge}.{index}";
    cells, is_cells, String = "cells";
    stem, is_stem, String = "stem";
    head, is_head, String = "lastact";
    classifier, is_classifier, String = "classifier";
}

impl SpaceFile {
    /// Reads a file's text, as far as single values go.
    ///
    /// Errors: [`Error::Format`] with the place in the JSON, what was found and what was expected.
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() > limits::BYTES {
            return Err(Error::Format(format!(
                "space: found {} bytes, expected at most {}",
                text.len(),
                limits::BYTES
            )));
        }
        room_for_json(text.len(), || format!("a space of {} bytes", text.len()))?;
        document::parse(text, FORMAT, VERSION).map_err(|e| Error::Format(format!("space: {e}")))
    }

    /// Checks what single values do not show, and makes the space.
    ///
    /// Errors: those of [`parse`](Self::parse).
    pub fn space(self) -> Result<Space> {
        check::space(self)
    }

    /// The structure of that name; the check has seen to it that it is there.
    pub(crate) fn structure(&self, name: &str) -> Result<&MacroFile> {
        let missing = || Error::Internal(format!("no macro structure {name}"));
        self.macros.get(name).ok_or_else(missing)
    }
}

/// An error at a place in the file.
fn fault(path: &str, problem: &str) -> Error {
    Error::Format(format!("space: {}", document::fault(path, problem)))
}
