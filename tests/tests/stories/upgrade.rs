//! Homes of earlier formats, as `cargo xtask fixture` keeps them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use dsp_protocol::api::FrameInfo;
use dsp_tests::Cluster;

/// Copies a folder, for its owner alone.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (entry, name) = (entry.path(), entry.file_name());
        if entry.is_dir() {
            copy(&entry, &to.join(name))?;
        } else {
            fs::copy(&entry, to.join(&name))?;
            fs::set_permissions(to.join(&name), fs::Permissions::from_mode(0o600))?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn homes_of_every_released_format_open() -> anyhow::Result<()> {
    let fixtures = Path::new("fixtures/homes");
    let mut opened = 0;
    for entry in fs::read_dir(fixtures)? {
        let cluster = Cluster::new()?;
        let mut alice = cluster.node("alice");
        copy(&entry?.path(), alice.home())?;
        alice.start().await?;
        let frame: FrameInfo = alice.api().get("/frame", &[("ref", "sales/weekly@v1")]).await?;
        assert_eq!((frame.message.as_str(), frame.files_total), ("week 46", 2));
        assert_eq!(frame.params["region"], "EU");
        let report = alice.api().content("sales/weekly@v1#data/report.csv").await?;
        assert_eq!(report, "week,total\n46,12\n");
        assert_eq!(alice.api().content("sales/weekly@v1#data/large.txt").await?.len(), 40_000);
        let head: FrameInfo = alice.api().get("/frame", &[("ref", "sales/weekly")]).await?;
        assert_eq!(head.message, "week 47");
        let verified = alice.cli(["verify"]).await?;
        assert!(verified.status.success(), "{verified:?}");
        alice.push("sales/weekly", &[("new.txt", b"it goes on")]).await?;
        for _ in 0..2 {
            alice.restart().await?;
        }
        let kept = fs::read_dir(alice.home())?.filter_map(Result::ok);
        let kept = kept.filter(|e| e.file_name().to_string_lossy().contains(".schema-")).count();
        assert_eq!(kept, 0, "the old database goes once the new one was opened twice");
        opened += 1;
    }
    assert!(opened > 0, "no fixture was found");
    Ok(())
}
