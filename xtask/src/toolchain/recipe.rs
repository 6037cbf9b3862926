//! What the toolchain is made of. The cache folder is named by a hash of these values, so changing one rebuilds it.

/// The release whose packages the compiler comes from, and the archive that carries it.
pub(super) const STABLE: &str = "bookworm";
/// A compiler with the matching library sources.
pub(super) const COMPILER_PACKAGES: &[&str] = &["rustc-web", "rust-web-src"];
/// Packages in the closure of the compiler's that are not needed to run it. `libc6` must be the host's own, because
/// procedural macros built by the host's linker are loaded into the compiler.
pub(super) const HOST_PACKAGES: &[&str] = &[
    "binutils*",
    "cpp*",
    "gcc*",
    "lib*san*",
    "libbinutils",
    "libc-dev-bin",
    "libc6",
    "libc6-dev",
    "libcc1-0",
    "libcrypt-dev",
    "libgcc-12-dev",
    "libnsl-dev",
    "libssl3",
    "libtirpc-dev",
    "linux-libc-dev",
    "rpcsvc-proto",
];

/// The release that has an LLVM whose BPF back end returns aggregates and passes arguments on the stack.
pub(super) const UNSTABLE: &str = "sid";
/// That LLVM, with all that it needs to run, its C library included: nothing of it is installed.
pub(super) const LLVM_PACKAGES: &[&str] = &["libllvm23"];
/// What it takes beside that to link against it; these are unpacked without what they depend on.
pub(super) const LLVM_BUILD_PACKAGES: &[&str] = &["llvm-23", "llvm-23-dev", "libpolly-23-dev"];
/// Where those packages put LLVM.
pub(super) const LLVM_PREFIX: &str = "usr/lib/llvm-23";

/// The linker, from the crates registry.
pub(super) const LINKER_CRATE: &str = "sbpf-linker";
/// Its version.
pub(super) const LINKER_VERSION: &str = "0.2.6";
/// Its feature that chooses the LLVM above.
pub(super) const LINKER_FEATURES: &str = "bpf-linker/llvm-23";

/// A replacement in the library sources, which must apply exactly as often as said: sources that have changed stop the
/// set-up, because a patch that silently does nothing makes programs that compute wrong numbers.
pub(super) struct Edit {
    pub(super) file: &'static str,
    pub(super) find: &'static str,
    pub(super) replace: &'static str,
    pub(super) times: usize,
}

const fn edit(file: &'static str, find: &'static str, replace: &'static str, times: usize) -> Edit {
    Edit {
        file,
        find,
        replace,
        times,
    }
}

const INTRINSICS: &str = "compiler-builtins/compiler-builtins/src/macros.rs";
const MULTIPLY: &str = "compiler-builtins/compiler-builtins/src/int/mul.rs";
const UNSIGNED_DIVIDE: &str = "compiler-builtins/compiler-builtins/src/int/udiv.rs";
const SIGNED_DIVIDE: &str = "compiler-builtins/compiler-builtins/src/int/sdiv.rs";

/// The five places in which `std` must know the operating system `solana`, and the convention of 128-bit arithmetic.
pub(super) const EDITS: &[Edit] = &[
    edit(
        "std/src/sys/alloc/mod.rs",
        "    target_arch = \"wasm64\",\n",
        "    target_arch = \"wasm64\",\n    target_arch = \"bpf\",\n",
        1,
    ),
    edit(
        "std/src/sys/alloc/mod.rs",
        "    target_os = \"xous\" => {\n",
        "    target_os = \"solana\" => {\n        mod solana;\n    }\n    target_os = \"xous\" => {\n",
        1,
    ),
    edit(
        "std/src/sys/io/error/mod.rs",
        "target_os = \"vexos\",",
        "any(target_os = \"vexos\", target_os = \"solana\"),",
        1,
    ),
    edit(
        "std/src/sys/random/mod.rs",
        "target_os = \"vexos\",",
        "any(target_os = \"vexos\", target_os = \"solana\"),",
        2,
    ),
    edit(
        "std/src/sys/thread_local/mod.rs",
        "target_os = \"vexos\",",
        "any(target_os = \"vexos\", target_os = \"solana\"),",
        2,
    ),
    // On chain there is neither randomness nor a writable static to keep it in.
    edit(
        "std/src/hash/random.rs",
        "    pub fn new() -> RandomState {\n",
        "    pub fn new() -> RandomState {\n        if cfg!(target_os = \"solana\") {\n            return RandomState { k0: 0, k1: 0 };\n        }\n",
        1,
    ),
    // LLVM 23 expects what these functions return in registers. By the convention named "C" this compiler returns
    // 128 bits through a pointer, and a caller that passes none has its memory overwritten; by "unadjusted" it does
    // as LLVM says.
    edit(
        MULTIPLY,
        "pub extern \"C\" fn __multi3(",
        "pub extern \"unadjusted\" fn __multi3(",
        1,
    ),
    edit(
        UNSIGNED_DIVIDE,
        "pub extern \"C\" fn __udivti3(",
        "pub extern \"unadjusted\" fn __udivti3(",
        1,
    ),
    edit(
        UNSIGNED_DIVIDE,
        "pub extern \"C\" fn __umodti3(",
        "pub extern \"unadjusted\" fn __umodti3(",
        1,
    ),
    edit(
        SIGNED_DIVIDE,
        "pub extern \"C\" fn $signed_fn(",
        "pub extern \"unadjusted\" fn $signed_fn(",
        3,
    ),
    edit(
        "compiler-builtins/compiler-builtins/src/int/mod.rs",
        "pub mod bswap;\n",
        "pub mod bswap;\nmod divide;\n",
        1,
    ),
    edit(
        UNSIGNED_DIVIDE,
        "u128_div_rem(n, d)",
        "(match core::num::NonZeroU64::new(d as u64) {
            Some(word) if d >> 64 == 0 => {
                let (quotient, remainder) = super::divide::divide_by_word(n, word);
                (quotient, u128::from(remainder))
            }
            _ => super::divide::divide_by_words(n, d),
        })",
        3,
    ),
    // Strong, so that they win over the weak ones that the crate solana-compiler-builtins has by the wrong convention.
    edit(
        INTRINSICS,
        "not(any(all(windows, target_env = \"gnu\"), target_os = \"cygwin\"))",
        "not(any(target_arch = \"bpf\", all(windows, target_env = \"gnu\"), target_os = \"cygwin\"))",
        7,
    ),
];

/// Files that the library sources lack, and what is in them.
pub(super) const FILES: &[(&str, &str)] = &[
    ("std/src/sys/alloc/solana.rs", SYSTEM_ALLOCATOR),
    (
        "compiler-builtins/compiler-builtins/src/int/divide.rs",
        include_str!("divide.rs"),
    ),
];

const SYSTEM_ALLOCATOR: &str = r#"//! A program brings its own global allocator; the system's never has memory.
use crate::alloc::{GlobalAlloc, Layout, System};

#[stable(feature = "alloc_system_type", since = "1.28.0")]
unsafe impl GlobalAlloc for System {
    unsafe fn alloc(&self, _layout: Layout) -> *mut u8 {
        crate::ptr::null_mut()
    }

    unsafe fn dealloc(&self, _pointer: *mut u8, _layout: Layout) {}
}
"#;

/// The target's name, which is also its file's and its output folder's.
pub(super) const TARGET: &str = "sbpf-solana-solana";

/// LLVM's BPF target, named and flagged as the virtual machine's; `LINKER` stands for the linker's path.
pub(super) const TARGET_SPEC: &str = r#"{
  "arch": "bpf", "os": "solana", "vendor": "solana", "llvm-target": "bpfel",
  "features": "+allows-misaligned-mem-access",
  "data-layout": "e-m:e-p:64:64-i64:64-i128:128-n32:64-S128", "target-pointer-width": 64,
  "min-atomic-width": 8, "max-atomic-width": 64, "atomic-cas": true, "singlethread": true,
  "linker": "LINKER", "linker-flavor": "bpf", "linker-is-gnu": false, "obj-is-bitcode": true,
  "crt-objects-fallback": "false", "dynamic-linking": true, "position-independent-executables": true,
  "merge-functions": "disabled", "no-builtins": true, "panic-strategy": "abort",
  "metadata": { "description": "Solana SBF v3", "host_tools": false, "std": true, "tier": 3 }
}
"#;

/// What runs before the linker. The compiler names every unmangled symbol of a dependency as exported, and what is
/// exported is kept whether it is called or not: 10 KB of floating point in each program, none of which uses any (one
/// that did would not load), and the dispatcher of Anchor's that `common::entrypoint!` stands in for.
pub(super) const FEWER_EXPORTS: &str = r#"here=${0%/bin/*}
last=
for one in "$@"; do
  if [ "$last" = --export-symbols ]; then
    sed -i -e '/^__[a-z]*[sdt]f/d' -e '/^__anchor_dispatch$/d' "$one"
  fi
  last=$one
done
"#;

/// How programs are compiled; these are read at each build and not part of what is set up.
pub(super) const RUSTFLAGS: &[&str] = &[
    "-Zunstable-options",
    // No panic machinery: it writes statics, of which a program has none that it may write.
    "-Cpanic=immediate-abort",
    // The machine has neither indirect jumps nor atomics.
    "-Cjump-tables=no",
    "-Cpasses=lower-atomic",
    "-Clinker-plugin-lto",
    "-Ctarget-cpu=v4",
    // Version 3 is the first whose stack frames have room for arguments.
    "-Clink-arg=--arch=v3",
    "-Clink-arg=--llvm-args=--bpf-stack-size=4096",
    // Instructions of Linux's BPF that version 3 has not.
    "-Clink-arg=--llvm-args=--disable-movsx",
    "-Clink-arg=--llvm-args=--disable-ldsx",
    "-Clink-arg=--llvm-args=--disable-bswap",
    // Otherwise the linker also leaves a stub of every program that is only a dependency.
    "-Clink-arg=--deploy=false",
];
