//! `dsp id backup`: the age file, and when the key is erased.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use dsp_protocol::api::{Backup, BackupState, IdentityInfo, Problem, ProblemCode};
use dsp_protocol::id::{DeviceId, UserId};
use dsp_protocol::key::SecretKey;

use crate::fake::Fake;
use crate::pty::Pty;

const WORDS: &str = "legal winner thank year wave sausage worth useful";
const CONFIRM: &str = "POST /api/v1/identity/backup/confirm";

fn fake() -> Fake {
    let fake = Fake::new();
    fake.on("POST /api/v1/identity/backup", &Backup { words: WORDS.to_owned() });
    let me = IdentityInfo {
        user: UserId::from_bytes([3; 32]),
        name: "alice".to_owned(),
        root: SecretKey::from_seed(&[1; 32]).public(),
        device: DeviceId::from_bytes([5; 32]),
        devices: Vec::new(),
        backup_needed: false,
        backup: BackupState::Needed,
        log_entries: 1,
    };
    fake.on(CONFIRM, &me);
    fs::write(fake.work().join("passphrase"), "correct horse\n").unwrap();
    fake
}

fn confirmed(fake: &Fake) -> bool {
    fake.seen().iter().any(|seen| seen.call == CONFIRM)
}

fn open(path: &Path, passphrase: &str) -> Result<Vec<u8>, age::DecryptError> {
    let mut identity = age::scrypt::Identity::new(passphrase.into());
    identity.set_max_work_factor(18);
    age::decrypt(&identity, &fs::read(path).unwrap())
}

const ARGS: [&str; 6] =
    ["id", "backup", "--age", "recovery.age", "--passphrase-file", "passphrase"];

#[test]
fn an_age_file_holds_the_words_and_is_never_overwritten() {
    let fake = fake();
    let file = fake.work().join("recovery.age");
    let ran = fake.dsp(&ARGS);
    assert_eq!((ran.code, ran.out.as_str()), (0, "wrote recovery.age\n"), "{ran:?}");
    assert!(ran.err.contains("the recovery key stays here too"), "{ran:?}");
    assert!(!confirmed(&fake), "nobody said that it is kept");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(open(&file, "correct horse").unwrap(), format!("{WORDS}\n").as_bytes());
    assert!(open(&file, "wrong horse").is_err());

    let before = fs::read(&file).unwrap();
    let again = fake.dsp(&[&ARGS[..], &["--yes"]].concat());
    assert_eq!(again.code, 1, "{again:?}");
    assert!(again.err.contains("is there already") && again.err.contains("hint: "), "{again:?}");
    assert_eq!(fs::read(&file).unwrap(), before);
    assert!(!confirmed(&fake));
}

#[test]
fn with_yes_the_key_is_erased_once_the_file_is_written() {
    let fake = fake();
    let ran = fake.dsp(&[&ARGS[..], &["--yes", "--json"]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json, serde_json::json!({"file": "recovery.age", "erased": true}));
    assert_eq!(fake.only(CONFIRM).json()["words"], WORDS);

    // A folder that is not there: nothing is written, and nothing erased.
    let fake = self::fake();
    let mut args = ARGS;
    args[3] = "nowhere/recovery.age";
    let ran = fake.dsp(&[&args[..], &["--yes"]].concat());
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(!confirmed(&fake));
}

#[test]
fn without_a_terminal_the_passphrase_comes_from_a_file() {
    let fake = fake();
    let ran = fake.dsp(&["id", "backup", "--age", "recovery.age"]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.err.contains("hint: ") && ran.err.contains("--passphrase-file"), "{ran:?}");
    let ran = fake.dsp(&["id", "backup", "--passphrase-file", "passphrase"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert_eq!(fake.seen().len(), 0);
}

/// Types into `dsp` on a terminal: each answer once its prompt is there. Returns the exit code and
/// all that the terminal showed.
fn type_in(fake: &Fake, args: &[&str], answers: &[(&str, &str)]) -> (Option<i32>, String) {
    let pty = Pty::open();
    let mut command = fake.command(args);
    command.stdin(pty.side()).stdout(pty.side()).stderr(pty.side());
    let mut child = command.spawn().unwrap();
    // Its ends of the terminal go with it.
    drop(command);
    let mut keys = pty.into_person();
    let mut screen = BufReader::new(keys.try_clone().unwrap());
    let mut shown = Vec::new();
    for (prompt, answer) in answers {
        let from = shown.len();
        while !String::from_utf8_lossy(&shown[from..]).contains(prompt) {
            let mut byte = [0];
            screen.read_exact(&mut byte).unwrap();
            shown.push(byte[0]);
        }
        keys.write_all(format!("{answer}\n").as_bytes()).unwrap();
    }
    // A terminal whose other side is gone ends with an error, after all that was shown.
    while screen.read_until(b'\n', &mut shown).is_ok_and(|read| read > 0) {}
    (child.wait().unwrap().code(), String::from_utf8_lossy(&shown).into_owned())
}

#[test]
fn a_terminal_asks_twice_and_does_not_show_the_passphrase() {
    let fake = fake();
    let args = ["id", "backup", "--age", "recovery.age"];
    let answers = [("passphrase: ", "correct horse"), ("once more: ", "correct hose")];
    let (code, shown) = type_in(&fake, &args, &answers);
    assert_eq!(code, Some(4), "{shown}");
    assert!(shown.contains("the two passphrases differ") && !shown.contains("hor"), "{shown}");
    assert!(!fake.work().join("recovery.age").exists());

    let answers = [
        ("passphrase: ", "correct horse"),
        ("once more: ", "correct horse"),
        ("Erase the recovery key here? [y/N] ", "y"),
    ];
    let (code, shown) = type_in(&fake, &args, &answers);
    assert_eq!(code, Some(0), "{shown}");
    assert!(!shown.contains("horse"), "{shown}");
    assert_eq!(fake.only(CONFIRM).json()["words"], WORDS);
    let opened = open(&fake.work().join("recovery.age"), "correct horse").unwrap();
    assert_eq!(opened, format!("{WORDS}\n").as_bytes());
}

#[test]
fn a_ticket_is_not_spent_on_words_that_are_no_key() {
    let fake = fake();
    fs::write(fake.work().join("words"), WORDS).unwrap();
    let args = ["id", "recover", "--words", "words", "--ticket", "dsp1abc", "--yes"];
    let followed = || fake.seen().iter().any(|seen| seen.call == "POST /api/v1/follows");
    let recover = "POST /api/v1/identity/recover";
    fake.on_problem(recover, Problem::new(ProblemCode::BadRequest, "8 words, and a key has 24"));
    let ran = fake.dsp(&args);
    assert!(ran.err.contains("8 words") && !followed(), "{ran:?}");
    // Words of somebody who is not known here yet are what the ticket is for.
    fake.on_problem(recover, Problem::new(ProblemCode::NotFound, "they recover nobody"));
    assert_ne!(fake.dsp(&args).code, 0);
    assert!(followed());
}
