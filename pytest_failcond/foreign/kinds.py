"""Names the kind of a file that is no checkpoint of torch, by its first bytes."""

from __future__ import annotations

_EXPECTED = "name a checkpoint of StyleGAN2 in PyTorch: a .pkl, .pt or .pth file"
_LFS = "fetch the file itself: git lfs pull"
_DOWNLOAD = "download the file again, and look at the page: it may ask you to log in or to confirm"
_UNPACK = "unpack it first"
_OWN = 'a generator of pytest-failcond is used as it is: generator = "file.safetensors"'
_STARTS = (
    (b"version https://git-lfs", "a Git LFS pointer", _LFS),
    (b"\x89HDF", "an HDF5 file, as Keras writes", _EXPECTED),
    (b"\x1f\x8b", "compressed by gzip", _UNPACK),
    (b"BZh", "compressed by bzip2", _UNPACK),
    (b"\xfd7zXZ", "compressed by xz", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd", _UNPACK),
    (b"7z\xbc\xaf", "a 7z archive", _UNPACK),
    (b"Rar!", "a RAR archive", _UNPACK),
    (b"PK", "an empty or divided zip archive", _EXPECTED),
    (b"\x93NUMPY", "an array of NumPy", _EXPECTED),
    (b"GGUF", "a language model (GGUF)", _EXPECTED),
    (b"\x89PNG", "a picture", _EXPECTED),
    (b"\xff\xd8\xff", "a picture", _EXPECTED),
    (b"GIF8", "a picture", _EXPECTED),
    (b"%PDF", "a PDF document", _EXPECTED),
    (b"<", "HTML or XML, as a server sends in place of a file", _DOWNLOAD),
    (b"{", "JSON text", _EXPECTED),
    (b"#", "a text", _EXPECTED),
    (b"import ", "a Python program", _EXPECTED),
)
_OLD_PICKLES = (b"(dp", b"(lp", b"(tp", b"ccopy_reg", b"c__builtin__", b"cos\n", b"cposix\n", b"(i")


def looks_like(start: bytes) -> tuple[str, str]:
    """Say in a clause what a file is, by its first bytes, and what the user can do."""
    if not start:
        return "it is empty", "copy the file again"
    if start[8:9] == b"{" and 0 < int.from_bytes(start[:8], "little") < 100_000_000:
        return "it is a safetensors file", _OWN
    if start[257:262] == b"ustar":
        return "it is a tar archive", _UNPACK
    if start[4:8] == b"TFL3":
        return "it is a model of TensorFlow Lite", _EXPECTED
    if start[:1] == b"\x08" and b"\x12" in start[2:4]:
        return "it is an ONNX model", _EXPECTED
    if start[:1] == b"\x0a" and b"\x12" in start[:200]:
        return "it is a graph of TensorFlow", _EXPECTED
    if start.startswith(_OLD_PICKLES):
        return "it is a pickle of protocol 0 or 1", "save it again with a newer protocol"
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    for known, kind, remedy in _STARTS:
        if text.startswith(known):
            return f"it is {kind}", remedy
    if not start.strip(b"\0"):
        return "it begins with zeros: a download that was not finished", "copy the file again"
    return "it is neither a pickle nor a file of torch.save", _EXPECTED
