#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that code for wide vector instructions stays where run-time dispatch guards it.

A shared inline function that is compiled into a file built with -mavx... may replace the baseline
copy of the same function at link time, and then fails on older processors. So
- an object file built for an instruction set exports only symbols that are templates on Isa;
- in a linked program, AVX and AVX-512 instructions occur only in such symbols and in symbols that
  are local to such object files.

usage: check_isa.py BUILD_FOLDER PROGRAM ..."""

import json
import pathlib
import re
import subprocess
import sys

from source_files import finish

ISA_FLAG = re.compile(r"(?:^|\s)-m(?:avx|fma|f16c|bmi)")
ISA_SYMBOL = re.compile(r"3IsaE\dE")  # the mangled value of a template argument of type Isa
FUNCTION_LABEL = re.compile(r"^([0-9a-f]+) <(.*)>:$")
AVX_INSTRUCTION = re.compile(r"^\s+[0-9a-f]+:\s+(v[a-z0-9]+|k[a-z]+[bwdq])\s")
NOT_AVX = re.compile(r"^v(?:err|erw|m(?:call|launch|resume|xoff|func|run|load|save))$")


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def isa_objects(build):
    """(source, object file) of every compilation with instruction set flags."""
    for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        if ISA_FLAG.search(entry["command"]):
            output = re.search(r"\s-o\s+(\S+)", entry["command"])[1]
            yield pathlib.Path(entry["file"]), pathlib.Path(entry["directory"], output)


def exported_without_isa(object_file):
    """The functions and objects that an object file exports and that are no templates on Isa."""
    for line in output_of("nm", "--defined-only", "--extern-only", str(object_file)).splitlines():
        name = line.split()[-1]
        if not ISA_SYMBOL.search(name) and not name.startswith("DW.ref."):
            yield name


def local_symbols(program, sources):
    """The addresses of local functions that came from one of the source file names."""
    addresses = set()
    inside = False
    for line in output_of("readelf", "--symbols", "--wide", str(program)).splitlines():
        fields = line.split()
        if len(fields) >= 8 and fields[3] == "FILE":
            inside = fields[7] in sources
        elif inside and len(fields) >= 8 and fields[3] == "FUNC" and fields[4] == "LOCAL":
            addresses.add(int(fields[1], 16))
    return addresses


def unguarded_functions(program, sources):
    """The functions of a program that use AVX though nothing guards them, and an instruction."""
    guarded = local_symbols(program, sources)
    name = None
    allowed = True
    disassembly = output_of("objdump", "-d", "--no-show-raw-insn", "-j", ".text", str(program))
    for line in disassembly.splitlines():
        label = FUNCTION_LABEL.match(line)
        if label:
            name = label[2]
            allowed = int(label[1], 16) in guarded or ISA_SYMBOL.search(name) is not None
            continue
        instruction = None if allowed else AVX_INSTRUCTION.match(line)
        if instruction and not NOT_AVX.match(instruction[1]):
            yield name, instruction[1]
            allowed = True  # one complaint a function is enough


def readable(symbol):
    return output_of("c++filt", symbol).strip()


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    build = pathlib.Path(sys.argv[1]).resolve()
    complaints = []
    sources = set()
    objects = [(source, path) for source, path in isa_objects(build) if path.exists()]
    for source, path in objects:
        sources.add(source.name)
        for symbol in exported_without_isa(path):
            complaints.append(
                f"{path.relative_to(build)}: exports {readable(symbol)}, which is no template on Isa"
            )
    for program in sys.argv[2:]:
        for symbol, instruction in unguarded_functions(program, sources):
            complaints.append(
                f"{pathlib.Path(program).name}: {readable(symbol)} uses {instruction} but is "
                "reached without a check of the processor"
            )
    finish("isa", complaints, len(objects) + len(sys.argv[2:]))


if __name__ == "__main__":
    main()
