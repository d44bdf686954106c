"""Writes a folder of generated JPEG files laid out as ImageNet's: train/<class>/<name>.JPEG.

    PYTHONPATH=.cache/python python3 scripts/jpeg-folder.py FOLDER [IMAGES]

100,000 images by default, in 1000 classes, about 200 x 150 pixels each: sums of smooth noise with
different sizes, cuts and qualities, so that files differ as photographs' do in kind if not in
content. scripts/setup-python.sh installs what it needs.
"""

import multiprocessing
import os
import sys

import numpy
from PIL import Image

CLASSES = 1000


def smooth(generator, height, width):
    """Noise at four scales, each twice as strong as the next finer one."""
    total = numpy.zeros((height, width, 3), numpy.float32)
    for cells, strength in ((3, 80), (8, 40), (24, 20), (90, 10)):
        noise = generator.normal(0, strength, (cells, cells, 3)).astype(numpy.float32)
        planes = [
            Image.fromarray(noise[:, :, c]).resize((width, height), Image.Resampling.BICUBIC)
            for c in range(3)
        ]
        total += numpy.stack([numpy.asarray(p) for p in planes], axis=2)
    return total + 120


def write_class(arguments):
    folder, number, count = arguments
    path = os.path.join(folder, "train", f"n{number:08d}")
    os.makedirs(path, exist_ok=True)
    generator = numpy.random.default_rng(number)
    # One large image a class; its files are cuts from it.
    base = smooth(generator, 400, 500)
    for i in range(count):
        height, width = generator.integers(110, 190), generator.integers(150, 250)
        y, x = generator.integers(0, 400 - height), generator.integers(0, 500 - width)
        cut = base[y : y + height, x : x + width] * generator.uniform(0.6, 1.3)
        cut = numpy.clip(cut + generator.normal(0, 25, 3), 0, 255).astype(numpy.uint8)
        image = Image.fromarray(cut)
        name = os.path.join(path, f"n{number:08d}_{i}.JPEG")
        image.save(name, quality=int(generator.integers(70, 96)))


def main():
    folder = sys.argv[1]
    images = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    counts = [images // CLASSES + (k < images % CLASSES) for k in range(CLASSES)]
    with multiprocessing.Pool() as pool:
        jobs = ((folder, number, count) for number, count in enumerate(counts) if count > 0)
        for _ in pool.imap_unordered(write_class, jobs):
            pass


if __name__ == "__main__":
    main()
