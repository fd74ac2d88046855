"""Reads and writes safetensors files with numpy alone.

Layout (safetensors README): u64 little-endian N, then N bytes of JSON padded with spaces to a multiple of 8, then the
data without holes. Tensors are ordered by element type (wider alignment classes first, F32 before I32), then by name.
"""
import json
import struct

import numpy

# In the order in which the format's own writer lays element types down.
ELEMENT_TYPES = {"I64": "<i8", "F64": "<f8", "F32": "<f4", "I32": "<i4"}
CODES = {numpy.dtype(layout): code for code, layout in ELEMENT_TYPES.items()}
MAXIMUM_HEADER = 100_000_000


def encode(tensors):
    """The bytes of a safetensors file that holds `tensors`, a dict of name -> numpy array."""
    rank = list(ELEMENT_TYPES)
    entries = []
    for name, array in tensors.items():
        array = numpy.ascontiguousarray(array)
        code = CODES.get(array.dtype)
        if code is None:
            raise ValueError(f"{name}: element type {array.dtype} is not one of {', '.join(rank)}")
        entries.append((rank.index(code), name, code, array))
    header, chunks, offset = {}, [], 0
    for _, name, code, array in sorted(entries, key=lambda entry: entry[:2]):
        end = offset + array.nbytes
        header[name] = {"dtype": code, "shape": list(array.shape), "data_offsets": [offset, end]}
        chunks.append(array.tobytes())
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(chunks)


def write(path, tensors):
    """Writes `tensors` (name -> numpy array) to `path`."""
    with open(path, "wb") as file:
        file.write(encode(tensors))


def read(path):
    """The tensors of a safetensors file as a dict of name -> numpy array; raises ValueError on a malformed file."""
    with open(path, "rb") as file:
        content = file.read()
    if len(content) < 8:
        raise ValueError(f"{path}: {len(content)} bytes, a safetensors file has at least 8")
    (length,) = struct.unpack_from("<Q", content)
    if length > min(MAXIMUM_HEADER, len(content) - 8):
        raise ValueError(f"{path}: the header claims {length} bytes, the file has {len(content) - 8} after its size")
    header = json.loads(content[8:8 + length])
    header.pop("__metadata__", None)
    data, tensors = memoryview(content)[8 + length:], {}
    for name, entry in header.items():
        if entry["dtype"] not in ELEMENT_TYPES:
            raise ValueError(f"{path}: {name} is {entry['dtype']}, expected one of {', '.join(ELEMENT_TYPES)}")
        layout, (begin, end) = numpy.dtype(ELEMENT_TYPES[entry["dtype"]]), entry["data_offsets"]
        count = int(numpy.prod(entry["shape"], dtype=numpy.int64))
        if not 0 <= begin <= end <= len(data) or end - begin != count * layout.itemsize:
            raise ValueError(f"{path}: {name} lies at {begin}..<{end} of {len(data)} bytes, which does not fit "
                             f"shape {entry['shape']}")
        tensors[name] = numpy.frombuffer(data[begin:end], layout).reshape(entry["shape"]).copy()
    return tensors
