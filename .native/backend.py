"""The build backend that pyproject.toml names: setuptools, told of `setup.py` in this folder."""

from setuptools import build_meta


class Backend(build_meta._BuildMetaBackend):
    def run_setup(self, setup_script=".native/setup.py"):
        super().run_setup(setup_script)


backend = Backend()
build_wheel = backend.build_wheel
build_sdist = backend.build_sdist
build_editable = backend.build_editable
get_requires_for_build_wheel = backend.get_requires_for_build_wheel
get_requires_for_build_sdist = backend.get_requires_for_build_sdist
get_requires_for_build_editable = backend.get_requires_for_build_editable
prepare_metadata_for_build_wheel = backend.prepare_metadata_for_build_wheel
prepare_metadata_for_build_editable = backend.prepare_metadata_for_build_editable
