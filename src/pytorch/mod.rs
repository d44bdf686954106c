//! Networks of genotypes as PyTorch code: one file with a class for each operation and cell, which a
//! person can read, change and train, and which needs nothing but PyTorch.

mod network;
mod python;
mod recipe;

use std::path::Path;

use crate::error::{Error, Result};
use crate::model::Network;
use crate::replace::replace;
use crate::space::GenotypeFormat;

const ZEROS: &str = r#"
def zeros(x, channels, stride):
    """A node of a cell that no edge ends in."""
    images, _, height, width = x.shape
    return x.new_zeros(images, channels, -(-height // stride), -(-width // stride))
"#;

const DROP_PATH: &str = r#"
class DropPath(nn.Module):
    """Drops what an edge gives, for a part of the images of a batch, and scales the rest up.

    In DARTS the probability grows from 0 to 0.2 (0.3) in the course of the training: set it.
    """

    def __init__(self, probability):
        super().__init__()
        self.probability = probability

    def forward(self, x):
        if not self.training or self.probability == 0.0:
            return x
        keep = 1.0 - self.probability
        mask = torch.empty(len(x), 1, 1, 1, dtype=x.dtype, device=x.device).bernoulli_(keep)
        return x * mask / keep
"#;

const AUXILIARY_HEAD: &str = r#"
class AuxiliaryHead(nn.Module):
    """DARTS's second classifier, behind the last reduction, for training alone."""

    def __init__(self, c_in, stride, classes):
        super().__init__()
        self.features = nn.Sequential(
            nn.ReLU(),
            nn.AvgPool2d(5, stride=stride),
            nn.Conv2d(c_in, 128, 1, bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(),
            nn.Conv2d(128, 768, 2, bias=False),
            nn.BatchNorm2d(768),
            nn.ReLU(),
        )
        self.classifier = nn.Linear(768, classes)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))
"#;

const TRAIN: &str = r#"
def train_epoch(network, batches, optimizer, clip=5.0):
    """One pass over batches of (images, labels). Gives the mean loss."""
    network.train()
    losses = []
    for images, labels in batches:
        loss = F.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), clip)
        optimizer.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)
"#;

const TRAIN_WITH_AUXILIARY: &str = r#"
def train_epoch(network, batches, optimizer, clip=5.0, auxiliary_weight=0.4):
    """One pass over batches of (images, labels). Gives the mean loss."""
    network.train()
    losses = []
    for images, labels in batches:
        output = network(images)
        if isinstance(output, tuple):
            logits, auxiliary = output
            loss = F.cross_entropy(logits, labels)
            loss = loss + auxiliary_weight * F.cross_entropy(auxiliary, labels)
        else:
            loss = F.cross_entropy(output, labels)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), clip)
        optimizer.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)
"#;

impl Network {
    /// PyTorch code of the network: a module `Network`, whose parameters have the names of
    /// [`graph`](Self::graph)'s, and a function that trains it for an epoch. Networks of cells with
    /// two inputs have options as DARTS trains with: `auxiliary`, a second classifier in training, and
    /// `drop_path`.
    ///
    /// Errors: [`Error::InvalidState`] for a network that was not made of a genotype;
    /// [`Error::InvalidArgument`] for names of layers that no PyTorch module can have.
    pub fn to_pytorch(&self) -> Result<String> {
        let Some(origin) = self.origin() else {
            return Err(Error::InvalidState(
                "network: found one that was read from a file, expected that of a genotype: PyTorch \
                 code is made of a space's cells and operations"
                    .into(),
            ));
        };
        let image = self.graph().input_shape();
        let code = network::code(origin, image, self.graph().classes())?;
        let cost = self.cost();
        let genotype = origin.genotype.to_text(GenotypeFormat::Native);
        let mut text = format!(
            "\"\"\"An architecture of {} to be trained, written by libtenas {}.\n\n{}\n\n{} \
             multiply-adds and {} parameters.\n\nWeights that libtenas has initialised, as a \
             safetensors file:\n\n    network = Network()\n    \
             network.load_state_dict(safetensors.torch.load_file(\"weights.safetensors\"))\n\"\"\"\n\n",
            origin.genotype.space().name,
            crate::VERSION,
            wrapped(&genotype),
            cost.multiply_adds,
            cost.parameters
        );
        let mut sections = Vec::new();
        let all = [&code.recipes, &code.cells, &code.network];
        let uses = |name: &str| all.iter().any(|text| text.contains(name));
        let ordered = uses("OrderedDict(");
        if uses("under(") {
            sections.push(python::UNDER);
        }
        if code.has_zeros {
            sections.push(ZEROS);
        }
        if code.extras.drop_path {
            sections.push(DROP_PATH);
        }
        if code.extras.auxiliary {
            sections.push(AUXILIARY_HEAD);
        }
        sections.extend(all.into_iter().map(String::as_str).filter(|text| !text.is_empty()));
        sections.push(if code.extras.auxiliary { TRAIN_WITH_AUXILIARY } else { TRAIN });
        if ordered || sections.contains(&python::UNDER) {
            text += "from collections import OrderedDict\n\n";
        }
        let sections = sections.join("\n");
        if sections.contains("torch.") {
            text += "import torch\n";
        }
        text += "import torch.nn.functional as F\nfrom torch import nn\n\n";
        text += &sections;
        Ok(text)
    }

    /// Writes [`to_pytorch`](Self::to_pytorch) as a file, beside and renamed.
    ///
    /// Errors: those of `to_pytorch`; [`Error::Io`].
    pub fn write_pytorch(&self, path: &Path) -> Result<()> {
        replace(path, self.to_pytorch()?.as_bytes())
    }
}

/// A text in lines of at most 100 characters, where it has spaces.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.len() - 1;
        let line = &mut lines[last];
        if !line.is_empty() && line.len() + 1 + word.len() > 100 {
            lines.push(word.to_owned());
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.join("\n")
}
