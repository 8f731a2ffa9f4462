"""PyInstaller's hook: modules that are imported by name, the bundled model, and sqlite-vec's library."""

from PyInstaller.utils.hooks import collect_data_files, collect_dynamic_libs, collect_submodules

hiddenimports = collect_submodules("headroom", filter=lambda name: "_pyinstaller" not in name)
datas = collect_data_files("headroom")
binaries = collect_dynamic_libs("sqlite_vec", search_patterns=["vec0.so", "vec0.dylib", "vec0.dll"])
