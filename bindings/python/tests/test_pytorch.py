"""Data sets of PyTorch itself. Without PyTorch these tests show as skipped; scripts/test-python.sh runs them
with the one that scripts/setup-pytorch.sh installs, and fails if none of them ran."""

import numpy
import pytest

import tenas

torch = pytest.importorskip("torch")
datasets = pytest.importorskip("torchvision.datasets")
transforms = pytest.importorskip("torchvision.transforms")

SMALL = {"batch_size": 4, "repeats": 2}
ARRAY = numpy.random.default_rng(0).integers(0, 256, (24, 3, 12, 12), dtype=numpy.uint8)


def worth(data):
    """Scores that read the images."""
    config = tenas.Config("nas-bench-201", "custom", **SMALL)
    genotypes = [config.space.sample(0, index) for index in range(3)]
    return tenas.scores(config, data, genotypes, ["ntk", "naswot"])


class Squares(torch.utils.data.Dataset):
    """A data set as users write them: an image and its label."""

    def __len__(self):
        return len(ARRAY)

    def __getitem__(self, index):
        return torch.from_numpy(ARRAY[index]), index % 4


@pytest.mark.parametrize(
    "dataset",
    [
        Squares(),
        torch.utils.data.TensorDataset(torch.from_numpy(ARRAY).float() / 255, torch.zeros(len(ARRAY))),
        torch.utils.data.ConcatDataset(
            [torch.utils.data.Subset(Squares(), range(10)), torch.utils.data.Subset(Squares(), range(10, 24))]
        ),
    ],
    ids=["bytes", "floating point", "parts"],
)
def test_scores_are_those_of_an_array(dataset):
    expected = worth(tenas.Dataset.from_images(ARRAY, 4))
    assert worth(tenas.Dataset.from_torch(dataset, 4, "mine")) == expected


@pytest.mark.parametrize("transform", [None, transforms.ToTensor()], ids=["pictures", "tensors"])
def test_a_data_set_of_torchvision(transform):
    made = {"size": 24, "image_size": (3, 12, 8), "num_classes": 4}
    pictures = [numpy.asarray(picture) for picture, _ in datasets.FakeData(**made)]
    array = numpy.stack(pictures).transpose(0, 3, 1, 2)
    data = tenas.Dataset.from_torch(datasets.FakeData(**made, transform=transform), 4, "fake")
    assert len(data) == 24 and worth(data) == worth(tenas.Dataset.from_images(array, 4))


def test_what_cannot_be_taken():
    normalised = datasets.FakeData(
        4, (3, 8, 8), 4, transforms.Compose([transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.1] * 3)])
    )
    with pytest.raises(ValueError, match="image 0: found values of float32 from .*leave normalisation to libtenas"):
        tenas.Dataset.from_torch(normalised, 4, "mine")
    sizes = [(torch.zeros(3, 8, 8), 0), (torch.zeros(3, 9, 8), 0)]
    with pytest.raises(ValueError, match=r"image 1: found the shape \(3, 9, 8\), expected \(3, 8, 8\)"):
        worth(tenas.Dataset.from_torch(sizes, 4, "mine"))
