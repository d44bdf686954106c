//! The committed header is what `src/ffi` generates.

const GENERATED: &str = include_str!(concat!(env!("OUT_DIR"), "/tenas.h"));
const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/include/tenas.h");

/// `TENAS_WRITE_HEADER=1` (`make header`) writes the file instead.
#[test]
fn committed_header_is_up_to_date() {
    if std::env::var_os("TENAS_WRITE_HEADER").is_some() {
        std::fs::write(COMMITTED, GENERATED).expect("include/tenas.h can be written");
    }
    let committed = std::fs::read_to_string(COMMITTED).expect("include/tenas.h can be read");
    let stale = committed.lines().zip(GENERATED.lines()).position(|(c, g)| c != g);
    assert!(
        committed == GENERATED,
        "include/tenas.h is stale from line {}; run `make header`",
        stale.unwrap_or_else(|| committed.lines().count().min(GENERATED.lines().count())) + 1
    );
}
