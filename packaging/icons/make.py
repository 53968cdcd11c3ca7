#!/usr/bin/env python3
"""Makes the bitmap icons from confab.svg: run after changing it, and commit the results.

Needs rsvg-convert (librsvg2-bin). Writes src-tauri/icons: PNGs for Linux, icon.ico for Windows, icon.icns for macOS.
"""
import pathlib
import struct
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE.parent.parent / "src-tauri" / "icons"


def png(size: int) -> bytes:
    command = ["rsvg-convert", "-w", str(size), "-h", str(size), str(HERE / "confab.svg")]
    return subprocess.run(command, check=True, capture_output=True).stdout


def ico(sizes: list[int]) -> bytes:
    """PNG images in an icon directory, as Windows has read them since Vista."""
    images = [png(size) for size in sizes]
    at = 6 + 16 * len(images)
    head = struct.pack("<HHH", 0, 1, len(images))
    for size, image in zip(sizes, images):
        head += struct.pack("<BBBBHHII", size % 256, size % 256, 0, 0, 1, 32, len(image), at)
        at += len(image)
    return head + b"".join(images)


def icns() -> bytes:
    """PNG images in Apple's container."""
    kinds = {b"ic07": 128, b"ic08": 256, b"ic09": 512, b"ic10": 1024, b"ic11": 32, b"ic12": 64, b"ic13": 256, b"ic14": 512}
    body = b""
    for kind, size in kinds.items():
        image = png(size)
        body += kind + struct.pack(">I", len(image) + 8) + image
    return b"icns" + struct.pack(">I", len(body) + 8) + body


def main() -> None:
    OUT.mkdir(exist_ok=True)
    for name, size in {"32x32": 32, "48x48": 48, "64x64": 64, "128x128": 128, "128x128@2x": 256, "256x256": 256, "icon": 512}.items():
        (OUT / f"{name}.png").write_bytes(png(size))
    (OUT / "icon.ico").write_bytes(ico([16, 24, 32, 48, 64, 256]))
    (OUT / "icon.icns").write_bytes(icns())


main()
