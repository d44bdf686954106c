//! The data sets that have a name, as data.

/// The published data sets, and a host's own images. The numbers are those of the C ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum DatasetKind {
    /// CIFAR-10.
    Cifar10 = 1,
    /// CIFAR-100.
    Cifar100 = 2,
    /// ImageNet16-120.
    ImageNet16 = 3,
    /// ImageNet (1000 classes), resized to 32x32.
    ImageNet = 4,
    /// A host's own images.
    Custom = 5,
}

/// What is fixed about a published data set (section 3.6).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Published {
    /// Which one.
    pub kind: DatasetKind,
    /// The name that users type.
    pub name: &'static str,
    /// Number of classes.
    pub classes: usize,
    /// Channels, height, width of an image.
    pub shape: [usize; 3],
    /// Mean of each channel, of 0..255.
    pub mean: [f32; 3],
    /// Standard deviation of each channel, of 0..255.
    pub stddev: [f32; 3],
}

static PUBLISHED: [Published; 4] = [
    Published {
        kind: DatasetKind::Cifar10,
        name: "cifar10",
        classes: 10,
        shape: [3, 32, 32],
        mean: [125.3, 123.0, 113.9],
        stddev: [63.0, 62.1, 66.7],
    },
    Published {
        kind: DatasetKind::Cifar100,
        name: "cifar100",
        classes: 100,
        shape: [3, 32, 32],
        mean: [129.3, 124.1, 112.4],
        stddev: [68.2, 65.4, 70.4],
    },
    Published {
        kind: DatasetKind::ImageNet16,
        name: "ImageNet16-120",
        classes: 120,
        shape: [3, 16, 16],
        mean: [122.68, 116.66, 104.01],
        stddev: [63.22, 61.26, 65.09],
    },
    // Published as fractions of 255: 0.485 0.456 0.406 and 0.229 0.224 0.225.
    Published {
        kind: DatasetKind::ImageNet,
        name: "imagenet-1k",
        classes: 1000,
        shape: [3, 32, 32],
        mean: [123.675, 116.28, 103.53],
        stddev: [58.395, 57.12, 57.375],
    },
];

impl DatasetKind {
    /// The published ones.
    pub const ALL: [DatasetKind; 4] = [
        DatasetKind::Cifar10,
        DatasetKind::Cifar100,
        DatasetKind::ImageNet16,
        DatasetKind::ImageNet,
    ];

    /// Classes, image shape and normalisation; `None` for [`Custom`](Self::Custom).
    pub fn published(self) -> Option<&'static Published> {
        PUBLISHED.iter().find(|published| published.kind == self)
    }

    /// The name that users type.
    pub fn name(self) -> &'static str {
        self.published().map_or("custom", |published| published.name)
    }
}
