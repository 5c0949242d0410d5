//! The manual pages of `docs/cli`, each run as a test; see [`dsp_tests::transcript`].

use std::collections::BTreeSet;
use std::path::PathBuf;

use dsp_tests::transcript;

fn folder() -> PathBuf {
    PathBuf::from("../docs/cli")
}

/// Makes a test of each page, and one that none was left out.
macro_rules! pages {
    ($($page:ident)*) => {
        $(
            #[test]
            fn $page() -> anyhow::Result<()> {
                transcript::run(&folder().join(concat!(stringify!($page), ".md")))
            }
        )*

        const PAGES: &[&str] = &[$(stringify!($page)),*];
    };
}

pages! {
    archive
    block
    cat
    comments
    completions
    config
    context
    daemon
    dashboards
    diff
    doctor
    drop
    fetch
    follow
    forget
    gc
    get
    id
    log
    ls
    members
    mv
    offers
    open
    peers
    pin
    profile
    push
    reset
    rm
    search
    share
    show
    status
    tag
    tickets
    transfers
    trust
    unblock
    undo
    unfollow
    unpin
    untrust
    verify
}

#[test]
fn the_commands_of_a_tutorial() -> anyhow::Result<()> {
    transcript::run(&folder().join("../tutorials/from-dstack.md"))
}

#[test]
fn every_page_is_run() -> anyhow::Result<()> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder())? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        found.extend(name.strip_suffix(".md").filter(|name| *name != "README").map(str::to_owned));
    }
    assert_eq!(found, PAGES.iter().map(|page| (*page).to_owned()).collect());
    Ok(())
}
