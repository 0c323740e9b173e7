#!/usr/bin/env python3
"""Restores a snapshot, from docs/store-format.md alone: read_snapshot.py STORE ID NEW_DIRECTORY

Shares no code with the program. For stores without encryption. Python's standard library lacks brotli: blocks are
inflated by the module of that name where it is installed, else by the `brotli` command, else by Node.
"""
import functools, hashlib, json, os, shutil, subprocess, sys

NODE = ["node", "-e", "process.stdout.write(zlib.brotliDecompressSync(fs.readFileSync(0)))"]
CHUNK = 256 * 1024
sys.setrecursionlimit(2000)  # directories may be 1,000 deep

def unbrotli(stored):
    try:
        import brotli
        return brotli.decompress(stored)
    except ImportError:
        tool = ["brotli", "-dc"] if shutil.which("brotli") else NODE
        return subprocess.run(tool, input=stored, stdout=subprocess.PIPE, check=True).stdout

def require(condition, what):
    if not condition:
        sys.exit(f"cannot be read: {what}")

def read(*path):
    with open(os.path.join(*path), "rb") as file:
        return file.read()

class Record:
    def __init__(self, data, magic):
        require(data.startswith(magic), f"no {magic}")
        self.data, self.at = data, len(magic)

    def take(self, count):
        require(self.at + count <= len(self.data), "a record that ends early")
        self.at += count
        return self.data[self.at - count : self.at]

    def varint(self):
        value = shift = 0
        while (byte := self.take(1)[0]) >= 0x80:
            value, shift = value | (byte & 0x7F) << shift, shift + 7
        return value | byte << shift

    def time(self):
        return int.from_bytes(self.take(8), "little", signed=True) * 10**9 + self.varint()

    def bytes(self):
        return self.take(self.varint())

def read_indexes(packs):
    for name in os.listdir(packs):
        if not name.endswith(".idx"):
            continue
        data = read(packs, name)
        require(hashlib.sha256(data[:-32]).digest() == data[-32:], name)
        index, pack = Record(data[:-32], b"SIX1\0"), os.path.join(packs, name[:-4] + ".pack")
        block_count, object_count = index.varint(), index.varint()
        blocks = [(pack, index.varint(), index.varint(), index.varint(), index.take(1)[0]) for _ in range(block_count)]
        for _ in range(object_count):
            yield index.take(32), (blocks[index.varint()], index.varint(), index.varint())

@functools.lru_cache(maxsize=16)
def read_block(pack, offset, stored, length, codec):
    with open(pack, "rb") as file:
        file.seek(offset)
        data = file.read(stored)
    require(codec in (0, 1), f"codec {codec}")
    data = unbrotli(data) if codec == 1 else data
    require(len(data) == length, pack)
    return data

def read_object(id):
    require(id in PLACES, f"object {id.hex()}")
    block, offset, length = PLACES[id]
    data = read_block(*block)[offset : offset + length]
    require(hashlib.sha256(data).digest() == id, f"object {id.hex()}")
    return data

def write_file(path, size, id, chunked):
    chunks = Record(read_object(id), b"SCL1") if chunked else None
    ids = [chunks.take(32) for _ in range(-(-chunks.varint() // CHUNK))] if chunked else [id]
    with open(path, "xb") as file:
        require(sum(file.write(read_object(part)) for part in ids) == size, f"size of {path}")

def set_meta(path, mode, uid, gid, mtime):
    if os.geteuid() == 0:
        os.chown(path, uid, gid, follow_symlinks=False)
    if not os.path.islink(path):
        os.chmod(path, mode)
    os.utime(path, ns=(mtime, mtime), follow_symlinks=False)

def is_name(name):
    return 0 < len(name) < 256 and name not in (b".", b"..") and not {0, 47} & set(name)

def restore(tree, directory, leaders):
    entries = Record(read_object(tree), b"STR1")
    for _ in range(entries.varint()):
        kind, name = entries.take(1)[0], entries.bytes()
        require(is_name(name), "a bad name")
        path = os.path.join(directory, name)
        if kind == 4:
            entries.take(1)
            continue
        meta = entries.varint(), entries.varint(), entries.varint(), entries.time()
        if kind in (0, 1):
            size, id = entries.varint(), entries.take(32)
            if path in leaders:
                os.link(leaders[path], path, follow_symlinks=False)
                continue
            write_file(path, size, id, chunked=kind == 1)
        elif kind == 2:
            os.mkdir(path, 0o700)
            restore(entries.take(32), path, leaders)
        else:
            require(kind == 3, f"kind {kind}")
            os.symlink(entries.bytes(), path)
        set_meta(path, *meta)

store, snapshot, target = sys.argv[1], sys.argv[2], os.fsencode(sys.argv[3])
header = json.loads(read(store, "store.json"))
require((header["format"], header["encryption"]) == (1, "none"), "a format or an encryption of others")
PLACES = dict(read_indexes(os.path.join(store, "packs")))
manifest = read(store, "snapshots", snapshot + ".json")
require(hashlib.sha256(manifest).hexdigest()[:32] == snapshot, "a manifest that was altered")
manifest = json.loads(manifest)
leaders = {}
if manifest["links"]:
    links = Record(read_object(bytes.fromhex(manifest["links"])), b"SHL1")
    for _ in range(links.varint()):
        paths = [links.bytes() for _ in range(links.varint())]
        require(len(paths) > 1 and all(is_name(name) for path in paths for name in path.split(b"/")), "a bad link")
        first, *others = [os.path.join(target, path) for path in paths]
        leaders.update((other, first) for other in others)
os.mkdir(target, 0o700)
restore(bytes.fromhex(manifest["tree"]), target, leaders)
root = manifest["root_meta"]
set_meta(target, root["mode"], root["uid"], root["gid"], int(root["mtime"]))
