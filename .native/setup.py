"""`AUTOGRAD_LITE_NATIVE=1 pip install .` compiles the core; without it there is nothing here that pyproject lacks.

Cython translates the very sources to C: the types of their fields are in `.native/*.pxd`, those of
local variables in their annotations. Without a C compiler the installation goes on in pure
Python, and `python -m autograd_lite doctor` says so.

No compiled wheels are published: next to a pure wheel of the same version pip would take the one that
has a platform tag, so that the compiled core were no longer what one asks for, and a local version that
says what it is (`0.1.0+native`) is refused by PyPI. To ask for it is to build it.
"""

import os
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from setuptools import Distribution, Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parents[1]
WANTED = os.environ.get("AUTOGRAD_LITE_NATIVE") == "1"
VARIANT = {"__file__": str(ROOT / "autograd_lite" / "variant.py"), "__name__": "variant"}
exec((ROOT / "autograd_lite" / "variant.py").read_text(encoding="utf-8").partition("\nNATIVE")[0], VARIANT)
COMPILED = VARIANT["COMPILED"]

ARGUMENTS = [] if os.name == "nt" else ["-O2", "-g0", "-ffp-contract=off"]
"""No contraction: a fused multiply-add rounds once where Python rounds twice."""

MACROS = [("CYTHON_USE_TYPE_SPECS", "1")]
"""Classes that can be changed as Python's own can: the compiler watches comparisons that way."""


class CompileCore(build_ext):
    """Compile the core into `autograd_lite/.native/<for which sources>/`, where the package looks first."""

    def run(self):
        native = (ROOT if self.inplace else Path(self.build_lib)) / "autograd_lite" / ".native"
        shutil.rmtree(native, ignore_errors=True)
        native.mkdir(parents=True)
        with TemporaryDirectory() as work:
            try:
                self._compile(Path(work))
            except (Exception, SystemExit) as failure:
                reason = str(failure).strip().splitlines() or [type(failure).__name__]
                trouble = f"the core could not be compiled ({reason[-1]}). Install a C compiler and then this, again."
                (native / "trouble.txt").write_text(f"{trouble}\n", encoding="utf-8")
                print(f"\n!!! autograd_lite: {trouble} It is pure Python now.\n", file=sys.stderr)
                return
            target = native / VARIANT["folder_name"]()
            target.mkdir()
            for module in Path(work).glob("built/autograd_lite/*"):
                shutil.copy2(module, target)

    def _compile(self, work):
        from Cython.Build import cythonize
        from Cython.Compiler.Options import get_directive_defaults

        package = work / "autograd_lite"
        shutil.copytree(ROOT / ".native", package)
        (package / "__init__.py").touch()
        modules = []
        for name in (*COMPILED, "memory"):
            source = str(package / f"{name}.pyx")
            if name in COMPILED:
                source = shutil.copy2(ROOT / "autograd_lite" / f"{name}.py", package)
            made = Extension(f"autograd_lite.{name}", [source], define_macros=MACROS, extra_compile_args=ARGUMENTS)
            typed = name in ("graph", "value")
            # Nodes stay outside of the cyclic collector: they are many, and form no cycles.
            get_directive_defaults()["no_gc"] = typed
            directives = {"language_level": 3, "binding": True, "annotation_typing": typed}
            modules += cythonize([made], quiet=True, compiler_directives=directives)
        command = build_ext(Distribution({"ext_modules": modules}))
        command.build_lib, command.build_temp = str(work / "built"), str(work / "temporary")
        command.ensure_finalized()
        command.run()

    def get_outputs(self):
        return []

    def get_output_mapping(self):
        return {}


BUILD = [".native/setup.py", ".native/backend.py"]
sources = [
    Extension(f"autograd_lite.{name}", [f"autograd_lite/{name}.py"], depends=[f".native/{name}.pxd", *BUILD])
    for name in COMPILED
]
setup(
    cmdclass={"build_ext": CompileCore},
    ext_modules=sources if WANTED or "sdist" in sys.argv else [],
    setup_requires=["Cython>=3.3,<4"] if WANTED else [],
)
