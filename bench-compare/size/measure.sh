#!/bin/sh
# What an open function costs in code and in build time: 200 functions, of eight signatures in turn, in a generated
# crate, plain and open. `./measure.sh [folder]`; prints bytes of `.text` and seconds of rustc for the crate alone.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$(mktemp -d)}
library=$here/../../selvedge
mkdir -p "$out/src"
cat > "$out/Cargo.toml" <<TOML
[package]
name = "many"
version = "0.0.0"
edition = "2024"
[workspace]
[dependencies]
selvedge = { path = "$library" }
[profile.release]
lto = "thin"
codegen-units = 1
TOML
generate() { # $1: the attribute, or nothing
    awk -v open="$1" 'BEGIN {
        split("x: u64|a: &str, b: u64|v: Vec<u64>|m: &mut Vec<u64>, n: u64|a: &str, o: Option<String>|a: u8, b: u16, c: u32, d: u64|s: String, t: &str|r: &[u64], k: usize", args, "|");
        split("x|a.len() as u64 + b|v.len() as u64|{ m.push(n); n }|o.map_or(0, |o| (o + a).len() as u64)|u64::from(a) + u64::from(b) + u64::from(c) + d|(s + t).len() as u64|r[k]", body, "|");
        # The fifth body has bars of its own.
        body[5] = "o.map_or(0, |o| (o + a).len() as u64)"; body[6] = "u64::from(a) + u64::from(b) + u64::from(c) + d";
        body[7] = "(s + t).len() as u64"; body[8] = "r[k]";
        split("i|\"a\", i|vec![i]|&mut Vec::new(), i|\"a\", None|1, 2, 3, i|String::new(), \"t\"|&[1, 2], 1", given, "|");
        print "use std::hint::black_box;";
        for (i = 0; i < 200; i++) {
            k = i % 8 + 1;
            printf "%s\n#[inline(never)]\npub fn f%d(%s) -> u64 { black_box(%s) ^ %d }\n", open, i, args[k], body[k], i;
        }
        print "fn main() {\n    let (mut sum, i) = (0, black_box(1));";
        for (i = 0; i < 200; i++) printf "    sum ^= f%d(%s);\n", i, given[i % 8 + 1];
        print "    println!(\"{sum}\");\n}";
    }'
}
cd "$out"
size_of() { size -A target/release/many | awk '$1 == ".text" { t = $2 } $1 == ".rodata" || $1 == ".data" || $1 == ".data.rel.ro" || $1 == ".bss" { d += $2 } $1 == ".eh_frame" || $1 == ".gcc_except_table" { e += $2 } END { print t, d, e }'; }
export CARGO_TARGET_DIR="$out/target"
for kind in plain open; do
    if [ $kind = open ]; then generate '#[selvedge::open]' > src/main.rs; else { generate ''; echo 'pub use selvedge as _used;'; } > src/main.rs; fi
    cargo build --release -q
    touch src/main.rs
    start=$(date +%s.%N); cargo build --release -q; end=$(date +%s.%N)
    touch src/main.rs
    start2=$(date +%s.%N); cargo check -q 2>/dev/null || true; end2=$(date +%s.%N)
    echo "$kind: text, data, unwind tables in bytes: $(size_of); release build $(echo "$end - $start" | bc) s, first check $(echo "$end2 - $start2" | bc) s"
done
