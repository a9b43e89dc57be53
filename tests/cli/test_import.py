"""`import`: models from elsewhere become bundles, and every verb works on them; what cannot be read gets one line."""

import shutil
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from safetensors.numpy import save_file
from tests.cli.conftest import Run, pictures, write_folder
from tests.contract.foreign import keras_vae, onnx_graph, small_kl, small_tiny

from latentarium import from_diffusers, open_bundle, open_source

PCA_DIMENSIONS = 5


def digits_pca() -> Any:
    from sklearn.decomposition import PCA

    return PCA(PCA_DIMENSIONS, random_state=0).fit(open_source("digits").array("train").reshape(-1, 64))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of model files: a Keras VAE in two files, one with a Lambda layer, ONNX graphs, parameters of a PCA."""
    import keras

    here = tmp_path_factory.mktemp("models")
    encoder, decoder = keras_vae()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        encoder.save(here / "encoder.keras")
        decoder.save(here / "decoder.keras")
        lambdas = [keras.Input((4,)), keras.layers.Lambda(lambda x: 2 * x), keras.layers.Dense(2)]
        keras.Sequential(lambdas).save(here / "lambda.keras")
        write_folder(here / "photos", pictures(600, 3, 8, 8))
    (here / "enc.onnx").write_bytes(onnx_graph("encoder"))
    (here / "dec.onnx").write_bytes(onnx_graph("decoder"))
    pca = digits_pca()
    np.savez(here / "pca.npz", **{name: getattr(pca, name) for name in ("components_", "mean_", "explained_variance_")})
    return here


@pytest.fixture
def here(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the folder, to work in."""
    place = shutil.copytree(models, tmp_path / "here")
    monkeypatch.chdir(place)
    return place


IMPORTS = {
    "keras": "encoder.keras decoder.keras --data digits",
    "decoder": "dec.onnx --values -1,1",
    "onnx": "enc.onnx dec.onnx --values -1,1 --data photos",
    "pca": "pca.npz --shape 8,8 --data digits",
}
ENCODES = {"keras", "onnx", "pca"}


@pytest.mark.parametrize("kind", IMPORTS)
def test_an_imported_model_is_measured(kind: str, here: Path, run: Run) -> None:
    made = run("import", *IMPORTS[kind].split(), "-o", "space", "--json")
    assert made.status == 0, made.err
    assert made.json["decoded"] is (kind not in ENCODES)
    measured = run("measure", "space", "--json")
    assert measured.status == 0, measured.err
    assert all(np.isfinite(score["value"]) for score in measured.json["scores"].values())
    assert {"mse", "psnr"} <= set(measured.json["scores"]) if kind in ENCODES else measured.json["scores"]
    assert (here / "space/report.html").read_text().startswith("<!doctype html>")


def test_a_keras_vae_keeps_its_codes(here: Path, run: Run) -> None:
    encoder, decoder = keras_vae()
    assert run("import", "encoder.keras", "decoder.keras", "--data", "digits", "-o", "space").status == 0
    bundle, rows = open_bundle("space"), open_source("digits")
    x = rows.array(slice(0, 20))
    mean, log_variance, _ = encoder.predict(x.transpose(0, 2, 3, 1), verbose=0)
    np.testing.assert_allclose(bundle.codes[:20], mean, atol=1e-5)
    np.testing.assert_allclose(bundle.space.posterior(x).std, np.exp(log_variance / 2), rtol=1e-4)
    expected = decoder.predict(mean, verbose=0).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(bundle.space.decode(mean), expected, atol=1e-5)
    assert bundle.column("label").tolist() == rows.columns["label"].tolist()
    assert "elsewhere; imported from encoder.keras, decoder.keras" in run("info", "space").out


def test_a_pca_of_pictures_is_that_of_scikit_learn(here: Path, run: Run) -> None:
    outcome = run("import", "pca.npz", "--shape", "8,8", "--data", "digits", "-o", "space", "--json")
    assert outcome.json["prior"] == "a Gaussian with diagonal covariance"
    pca, bundle = digits_pca(), open_bundle("space")
    x = open_source("digits").array("test")
    codes = pca.transform(x.reshape(-1, 64))
    np.testing.assert_allclose(bundle.space.encode(x), codes, atol=1e-4)
    expected = np.clip(pca.inverse_transform(codes), 0, 1).reshape(-1, 1, 8, 8)
    np.testing.assert_allclose(bundle.space.decode(codes), expected, atol=1e-5)
    np.testing.assert_allclose(bundle.prior.std, np.sqrt(pca.explained_variance_), rtol=1e-6)


def test_a_pca_of_a_table_keeps_its_derivative_and_its_units(here: Path, run: Run) -> None:
    random = np.random.default_rng(0)
    table = random.normal(5, 3, (60, 4))
    header = "height,width,depth,mass"
    np.savetxt("table.csv", table, delimiter=",", header=header, comments="")
    components, mean = np.eye(2, 4), table.mean(0)
    save_file({"components": components, "mean": mean}, "linear.safetensors")
    outcome = run("import", "linear.safetensors", "--data", "table.csv", "-o", "space", "--json")
    assert outcome.status == 0, outcome.err
    assert outcome.json["capabilities"] == ["decode", "derivative", "encode", "prior"]
    assert outcome.json["prior"].startswith("a mixture")
    np.testing.assert_allclose(open_bundle("space").codes, (table - mean)[:, :2], atol=1e-5)
    for verb in ("measure space", "sample space -n 2 -o two.csv", "reconstruct space -n 3 -o again.csv"):
        assert run(*verb.split()).status == 0, verb
    assert Path("two.csv").read_text().splitlines()[0].replace('"', "") == header


@pytest.fixture
def autoencoders(here: Path) -> Path:
    """Folders that diffusers saved, and pictures of their size."""
    small_kl(scaling_factor=0.5).save_pretrained(here / "kl")
    small_tiny().save_pretrained(here / "tiny")
    write_folder(here / "large", pictures(40, 3, 16, 16))
    return here


def test_an_autoencoder_that_diffusers_saved(autoencoders: Path, run: Run) -> None:
    made = run("import", "kl", "--data", "large", "-o", "space", "--json")
    assert made.status == 0, made.err
    assert made.err == ""
    assert made.json["latent_shape"] == [4, 8, 8]
    # its own training hardly asked for N(0, I)
    assert made.json["prior"] == "a mixture of 1 Gaussian"
    bundle = open_bundle("space")
    x = bundle.modality.to_array(np.asarray(bundle.kept))
    expected = from_diffusers(small_kl(scaling_factor=0.5))
    np.testing.assert_allclose(bundle.space.encode(x), expected.encode(x), atol=1e-4)
    np.testing.assert_allclose(bundle.space.posterior(x).std, expected.posterior(x).std, rtol=1e-3)
    np.testing.assert_allclose(bundle.space.reconstruct(x), expected.reconstruct(x), atol=1e-4)
    assert set(bundle.manifest["provenance"]["imported"]["files"]) == {
        "config.json",
        "diffusion_pytorch_model.safetensors",
    }
    for verb in ("check space", "measure space --only psnr", "map space", "sample space -n 2 -o two.png"):
        assert run(*verb.split()).status == 0, verb


def test_a_size_that_no_folder_states_is_asked_for(autoencoders: Path, run: Run) -> None:
    refused = run("import", "tiny", "-o", "space")
    assert (refused.status, refused.err.count("\n")) == (2, 1)
    assert "tiny does not say how large its pictures are; give --shape 3,64,64" in refused.err
    made = run("import", "tiny", "--shape", "3,16,24", "-o", "space", "--json")
    assert made.json["data_shape"] == [3, 16, 24]
    assert "states no prior" in made.err


def test_a_decoder_is_measured_against_data(here: Path, run: Run) -> None:
    assert run("import", "dec.onnx", "--values", "-1,1", "-o", "space").status == 0
    alone = run("measure", "space", "--only", "coverage", "--json")
    assert "no data" in alone.json["rows"]
    beside = run("measure", "space", "--data", "photos", "--only", "coverage", "--json")
    assert beside.json["rows"].endswith("rows of the test split of photos")
    assert beside.json["scores"]["coverage"]["value"] < alone.json["scores"]["coverage"]["value"]
    assert run("import", "dec.onnx", "--values", "-1,1", "--data", "photos", "-o", "known").status == 0
    known = run("measure", "known", "--only", "coverage", "--json")
    assert known.json["rows"] == beside.json["rows"]


def test_equal_seeds_give_equal_bundles(here: Path, run: Run) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run("import", "dec.onnx", "--values", "-1,1", "--seed", seed, "-o", name)
    first, again, other = (open_bundle(name).codes for name in "abc")
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_bundle_is_replaced_only_when_asked(here: Path, run: Run) -> None:
    command = ("import", "dec.onnx", "--values", "-1,1", "-o", "space")
    assert run(*command).status == 0
    refused = run(*command)
    assert refused.status == 2
    assert "already exists" in refused.err
    assert run(*command, "--overwrite").status == 0


def test_what_an_import_cannot_give_is_said(here: Path, run: Run) -> None:
    run("import", "dec.onnx", "--values", "-1,1", "-o", "space")
    for command, words in {
        "reconstruct space": "cannot encode",
        "fit digits --from space -o b --steps 2": "a model that was imported has no weights",
        "fit --config space -o b": "imported, not fitted",
    }.items():
        outcome = run(*command.split())
        assert outcome.status == 2, command
        assert words in outcome.err
        assert outcome.err.count("\n") == 1


def cut(path: str) -> Callable[[Path], object]:
    return lambda here: (here / path).write_bytes((here / path).read_bytes()[:3000])


def written(name: str) -> Callable[[Path], object]:
    return lambda here: (here / name).write_bytes(b"x")


def not_a_zip(here: Path) -> None:
    (here / "old.keras").write_bytes(b"\x89HDF\r\n\x1a\n")


def subclassed(here: Path) -> None:
    """A whole VAE as one file, whose class only its author has."""
    import keras

    class Vae(keras.Model):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.inner = keras.layers.Dense(2)

        def call(self, inputs: Any) -> Any:
            return self.inner(inputs)

    model = Vae()
    model(np.zeros((1, 4), np.float32))
    model.save(here / "whole.keras")


def needed_class(here: Path) -> None:
    import keras

    class Odd(keras.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs

    keras.Sequential([keras.Input((4,)), Odd(), keras.layers.Dense(2)]).save(here / "odd.keras")


def nested_code(here: Path) -> None:
    """A Lambda layer two models deep, one within a layer that wraps another."""
    import keras

    pictures = keras.Input((3, 4))
    wrapped = keras.layers.TimeDistributed(keras.layers.Lambda(lambda x: 2 * x))
    inner = keras.Model(pictures, wrapped(pictures), name="inner")
    middle = keras.Model(pictures, inner(pictures), name="middle")
    keras.Sequential([pictures, middle, keras.layers.Flatten(), keras.layers.Dense(2)]).save(here / "nested.keras")


def weights_left_behind(here: Path) -> None:
    model = onnx.load_from_string(onnx_graph("decoder"))
    onnx.save(model, here / "split.onnx", save_as_external_data=True, location="split.data", size_threshold=1024)
    (here / "split.data").unlink()


def foreign_code(here: Path) -> None:
    """A file whose configuration names a class of another library."""
    with zipfile.ZipFile(here / "encoder.keras") as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    content["config.json"] = content["config.json"].replace(b'"class_name": "Flatten"', b'"class_name": "TFSMLayer"')
    with zipfile.ZipFile(here / "code.keras", "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)


def open_shapes(here: Path) -> None:
    (here / "open.onnx").write_bytes(onnx_graph("encoder", sides=("height", "width")))


def no_shapes(here: Path) -> None:
    model = onnx.load_from_string(onnx_graph("decoder"))
    for entry in (*model.graph.input, *model.graph.output):
        entry.type.tensor_type.ClearField("shape")
    onnx.save(model, here / "bare.onnx")


def pipeline(here: Path) -> None:
    small_tiny().save_pretrained(here / "whole/vae")
    (here / "whole/model_index.json").write_text("{}")


def other_class(here: Path) -> None:
    small_tiny().save_pretrained(here / "net")
    config = here / "net/config.json"
    config.write_text(config.read_text().replace("AutoencoderTiny", "UNet2DModel"))


def pickled_weights(here: Path) -> None:
    small_tiny().save_pretrained(here / "old", safe_serialization=False)


def half_the_weights(here: Path) -> None:
    small_tiny().save_pretrained(here / "half")
    cut("half/diffusion_pytorch_model.safetensors")(here)


def parameters(**arrays: Any) -> Callable[[Path], object]:
    return lambda here: np.savez(here / "p.npz", **arrays)


ONES = np.ones((2, 4))
BAD: dict[str, tuple[str, tuple[str, ...], Callable[[Path], object]]] = {
    "nothing": ("", ("MODEL is missing",), lambda here: None),
    "no such file": ("none.onnx", ("exists", "none.onnx"), lambda here: None),
    "a pickle": ("model.pkl", ("runs code", "numpy.savez"), written("model.pkl")),
    "a torch file": (
        "model.pt",
        ("runs code", "torch.onnx.export"),
        written("model.pt"),
    ),
    "another kind": ("a.txt", (".keras, .onnx", "a.txt"), written("a.txt")),
    "a lambda layer": ("lambda.keras", ("lambda.keras", "Lambda", "never run"), lambda here: None),
    "a lambda layer in a model in a model": ("nested.keras", ("nested.keras", "Lambda", "never run"), nested_code),
    "code of a library": ("code.keras", ("TFSMLayer", "never run"), foreign_code),
    "an old keras file": ("old.keras", ("complete .keras file", "model.save"), not_a_zip),
    "half a keras file": ("encoder.keras", ("complete .keras file",), cut("encoder.keras")),
    "a subclassed model": ("whole.keras", ("the class Vae", "save its encoder"), subclassed),
    "a class it needs": ("odd.keras --encoder odd.keras", ("the class Odd",), needed_class),
    "half a graph": ("enc.onnx", ("enc.onnx must be a readable ONNX graph",), cut("enc.onnx")),
    "a graph without its weights": ("split.onnx", ("split.onnx", "split.data", "missing"), weights_left_behind),
    "open shapes": ("open.onnx", ("(3, ?, ?)", "--shape 3,64,64"), open_shapes),
    "no shapes": ("bare.onnx", ("--encoder or --decoder",), no_shapes),
    "no shapes of a decoder": ("--decoder bare.onnx", ("unknown", "--latent-shape"), no_shapes),
    "a shape in words": ("enc.onnx --shape small", ("--shape", "'small'"), lambda here: None),
    "a shape that does not fit": ("open.onnx --shape 1,8,8", ("shape", "(3, ?, ?)"), open_shapes),
    "values in words": ("enc.onnx --values low,high", ("--values", "-1,1"), lambda here: None),
    "values upside down": ("dec.onnx --values 1,0", ("values", "the lower first"), lambda here: None),
    "two decoders": ("dec.onnx decoder.keras", ("one decoder", "--encoder and --decoder"), lambda here: None),
    "an encoder without data": ("enc.onnx", ("encoder alone", "--data"), lambda here: None),
    "other pictures": ("enc.onnx --data digits", ("RGB pictures of 8x8", "digits"), lambda here: None),
    "pictures for flat rows": ("pca.npz --data digits", ("table", "pictures"), lambda here: None),
    "a prior without rows": ("dec.onnx --prior mixture:3", ("auto or normal",), lambda here: None),
    "parameters without a mean": ("p.npz", ("components and mean",), parameters(components=ONES)),
    "unknown parameters": ("p.npz", ("named components", "extra"), parameters(components=ONES, mean=ONES[0], extra=1)),
    "shapes of parameters": ("p.npz", ("(k, d) and (d)",), parameters(components=ONES, mean=np.ones(3))),
    "objects as parameters": ("p.npz", ("Python objects",), parameters(components=np.array([None]), mean=ONES)),
    "a pipeline": ("whole", ("a whole pipeline", "whole/vae"), pipeline),
    "a network that is no autoencoder": ("net", ("AutoencoderKL", "UNet2DModel"), other_class),
    "pickled weights of a folder": ("old", (".safetensors", "safe_serialization=True"), pickled_weights),
    "half the weights of a folder": (
        "half --shape 3,16,16",
        ("half must be a complete AutoencoderTiny",),
        half_the_weights,
    ),
    "an autoencoder for flat rows": (
        "kl --shape 16,16",
        ("--shape", "3 channels"),
        lambda here: small_kl().save_pretrained("kl"),
    ),
    "a folder of something else": ("photos", ("MODEL", "a folder of diffusers", "photos"), lambda here: None),
    "parameters and a graph": ("pca.npz dec.onnx", ("one file",), lambda here: None),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_is_one_clear_line(name: str, here: Path, run: Run) -> None:
    arguments, says, prepare = BAD[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        prepare(here)
    before = {path: path.stat().st_mtime_ns for path in here.rglob("*")}
    outcome = run("import", *arguments.split(), "-o", "space")
    assert outcome.status == 2, outcome.err
    lines = outcome.err.strip().splitlines()
    assert len(lines) == 1, outcome.err
    assert all(word in lines[0] for word in says), lines[0]
    assert len(lines[0]) < 500
    assert {path: path.stat().st_mtime_ns for path in here.rglob("*")} == before
