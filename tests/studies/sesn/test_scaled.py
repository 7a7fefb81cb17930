"""The realisations are the published ones, to the bit."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from repro.data import content_hash, read_verified
from repro.errors import UsageError
from studies.common.datasets import read_digits, read_mnist
from studies.sesn.data import affine, scaled
from studies.sesn.data.scaled import (
    BLOG,
    CONTENT,
    PIXEL_SHA256,
    PNG_MD5,
    PUBLISHED,
    SCALED_DIGITS,
    SCALED_MNIST,
    SCALED_MNIST_48K,
    SCALED_MNIST_SMALL,
    SMALL,
    Sizes,
    enlarged,
    generate,
    pixel_sha256,
    png,
    png_md5,
    scale_factors,
    split,
)

KINDS = ("train", "val", "test")
FEW = Sizes(60, 20, 40)
TRAIN_COUNTS = [987, 1125, 998, 1020, 975, 902, 982, 1042, 975, 994]


@pytest.fixture(scope="module")
def mnist(shared: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return MNIST's 70,000 images and labels, or skip."""
    if not (shared / "mnist").is_dir():
        pytest.skip(f"no MNIST in {shared.name}; set REPRO_DATA_DIR")
    arrays = read_mnist(shared)
    return tuple(np.concatenate([arrays[f"train_{what}"], arrays[f"test_{what}"]]) for what in ("images", "labels"))


@pytest.fixture(scope="module")
def first(mnist) -> dict[str, np.ndarray]:
    return generate(*mnist, PUBLISHED, 0)


def few(seed=0, count=200):
    """Return random images with labels of every class."""
    draw = np.random.default_rng(seed)
    return draw.integers(0, 256, (count, 28, 28), dtype=np.uint8), np.arange(count, dtype=np.uint8) % 10


@pytest.mark.parametrize("realisation", range(6))
def test_every_pixel_is_the_published_one(mnist, first, realisation):
    arrays = generate(*mnist, PUBLISHED, realisation) if realisation else first
    assert {kind: pixel_sha256(arrays[f"{kind}_images"]) for kind in KINDS} == PIXEL_SHA256[realisation]
    assert content_hash(arrays) == SCALED_MNIST[realisation].content


def test_files_have_the_published_md5(first):
    pytest.importorskip("PIL.Image")
    assert png_md5(first) == PNG_MD5[0]


class TestSmallerSets:
    @pytest.mark.parametrize("realisation", range(3))
    def test_small_ones_are_the_first_of_the_whole(self, mnist, first, realisation):
        arrays = generate(*mnist, PUBLISHED, realisation, SMALL)
        assert content_hash(arrays) == SCALED_MNIST_SMALL[realisation].content
        if realisation == 0:
            for name, array in arrays.items():
                np.testing.assert_array_equal(array, first[name][: len(array)])

    @pytest.mark.parametrize("realisation", range(6))
    def test_sizes_of_the_blog_give_other_data(self, mnist, realisation):
        arrays = generate(*mnist, BLOG, realisation)
        assert len(arrays["test_images"]) == 48_000
        assert content_hash(arrays) == SCALED_MNIST_48K[realisation].content

    def test_digits_come_without_mnist(self, tmp_path, monkeypatch):
        monkeypatch.delenv("REPRO_DATA_DIR", raising=False)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        arrays = read_verified(SCALED_DIGITS)
        assert {kind: arrays[f"{kind}_images"].shape for kind in KINDS} == {
            "train": (1000, 28, 28),
            "val": (200, 28, 28),
            "test": (597, 28, 28),
        }
        assert sum(len(arrays[f"{kind}_labels"]) for kind in KINDS) == 1797

    def test_digits_are_enlarged_as_pillow_does(self):
        image = pytest.importorskip("PIL.Image")
        digits = read_digits(None)["test_images"][:50]
        assert int(enlarged(digits).max()) == 255
        for small, large in zip(digits, enlarged(digits), strict=True):
            grey = image.fromarray(np.rint(small * 255.0 / 16).astype(np.uint8))
            matrix = (8 / 28, 0, 0, 0, 8 / 28, 0)
            expected = grey.transform((28, 28), image.Transform.AFFINE, matrix, image.Resampling.BICUBIC)
            np.testing.assert_array_equal(large, np.asarray(expected))

    def test_stand_ins_are_marked(self):
        sets = (*SCALED_MNIST, *SCALED_MNIST_SMALL, *SCALED_MNIST_48K, SCALED_DIGITS)
        assert {one.name: one.content for one in sets} == CONTENT
        assert len({one.content for one in sets}) == len(sets) == 16
        assert all(one.generated for one in sets)
        assert [one.stands_in_for for one in SCALED_MNIST] == [""] * 6
        assert [one.stands_in_for for one in SCALED_MNIST_SMALL] == [one.name for one in SCALED_MNIST[:3]]
        assert [one.stands_in_for for one in SCALED_MNIST_48K] == [one.name for one in SCALED_MNIST]
        assert SCALED_DIGITS.stands_in_for == "mnist-scale-0"


class TestSplit:
    """Stratified: every kind has the classes' shares; 8,000 images of MNIST stay unused."""

    def test_kinds_share_no_image(self, mnist):
        found = split(mnist[1], PUBLISHED, 0)
        assert list(found) == ["train", "test", "val"]
        assert len(np.unique(np.concatenate(list(found.values())))) == 62_000
        assert np.bincount(mnist[1][found["train"]]).tolist() == TRAIN_COUNTS
        assert [found[kind][0] for kind in found] == [7451, 61992, 54535]

    def test_same_seed_equal_other_seed_different(self):
        images, labels = few()
        same, again, other = (generate(images, labels, FEW, seed) for seed in (1, 1, 2))
        assert content_hash(same) == content_hash(again)
        assert not np.array_equal(same["train_images"], other["train_images"])

    def test_the_callers_random_numbers_are_left_alone(self):
        np.random.seed(5)
        random.seed(5)
        expected = np.random.random(), random.random()
        np.random.seed(5)
        random.seed(5)
        generate(*few(), FEW, 0)
        assert (np.random.random(), random.random()) == expected


class TestFactors:
    """random.uniform(-0, 0), then random.uniform(0.3, 1.0), for each image."""

    def test_they_are_those_of_python_s_generator(self):
        random.seed(3)
        expected = [(random.uniform(-0, 0), random.uniform(0.3, 1.0))[1] for _ in range(500)]
        assert scale_factors(500, 3).tolist() == expected

    def test_first_ones_of_realisation_0(self):
        assert scale_factors(3, 0).tolist() == [0.8305680820582118, 0.48124172520507436, 0.58345389621529]


def without_rotation(count, realisation):
    stream = random.Random(realisation)
    return np.array([stream.uniform(0.3, 1.0) for _ in range(count)])


class TestMistakes:
    """Each of these gives other pixels than the published ones."""

    def differs(self, mnist, first):
        arrays = generate(*mnist, PUBLISHED, 0, Sizes(50, 50, 50))
        return {kind: not np.array_equal(arrays[f"{kind}_images"], first[f"{kind}_images"][:50]) for kind in KINDS}

    def test_none_without_one(self, mnist, first):
        assert self.differs(mnist, first) == dict.fromkeys(KINDS, False)

    def test_centre_of_the_image(self, mnist, first, monkeypatch):
        monkeypatch.setattr(affine, "CENTRE_SHIFT", 0.0)
        assert self.differs(mnist, first) == dict.fromkeys(KINDS, True)

    def test_no_number_drawn_for_the_rotation(self, mnist, first, monkeypatch):
        monkeypatch.setattr(scaled, "scale_factors", without_rotation)
        assert self.differs(mnist, first) == dict.fromkeys(KINDS, True)

    def test_factors_of_the_validation_images_before_the_test_images(self, mnist, first, monkeypatch):
        monkeypatch.setattr(scaled, "GENERATED", KINDS)
        assert self.differs(mnist, first) == {"train": False, "val": True, "test": True}


class TestFiles:
    """The published MD5 is over the files' bytes in the order sorted() gives their paths."""

    def written(self, arrays, folder):
        number = 0
        for kind in ("train", "test", "val"):
            for image, label in zip(arrays[f"{kind}_images"], arrays[f"{kind}_labels"], strict=True):
                path = folder / kind / str(label) / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(png(image))
                number += 1
        return sorted(folder.glob("*/*/*.png"), key=str)

    def test_md5_is_that_of_files_on_disk(self, tmp_path):
        pytest.importorskip("PIL.Image")
        arrays = generate(*few(), FEW, 0)
        files = self.written(arrays, tmp_path)
        assert len(files) == 120
        assert png_md5(arrays) == hashlib.md5(b"".join(path.read_bytes() for path in files)).hexdigest()
        by_number = sorted(files, key=lambda path: (path.parent, int(path.stem)))
        assert by_number != files

    def test_one_pixel_changes_it(self):
        pytest.importorskip("PIL.Image")
        arrays = generate(*few(), FEW, 0)
        before = png_md5(arrays)
        arrays["val_images"][3, 14, 14] ^= 1
        assert png_md5(arrays) != before


class TestBadInput:
    def test_label_out_of_range(self):
        images, labels = few()
        labels[7] = 10
        with pytest.raises(UsageError, match=r"^labels: wanted whole numbers from 0 to 9, got 10 at index 7; [^\n]+$"):
            generate(images, labels, FEW, 0)
        arrays = generate(*few(), FEW, 0)
        arrays["val_labels"] = arrays["val_labels"].astype(np.int64) - 1
        assert Counter(arrays["val_labels"].tolist())[-1] == 2
        with pytest.raises(UsageError, match=r"got -1 at index"):
            png_md5(arrays)

    @pytest.mark.parametrize(("images", "labels"), [(100, 100), (200, 199), (199, 200)])
    def test_too_few_images_or_labels(self, images, labels):
        with pytest.raises(UsageError, match=rf"at least 120 images .* got {images} images and {labels} labels; [^\n]"):
            generate(few()[0][:images], few()[1][:labels], FEW, 0)


def test_importing_the_declarations_imports_nothing_heavy():
    code = "import sys, studies.sesn.data.scaled; print({'numpy', 'torch', 'sklearn', 'PIL'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "set()\n"
