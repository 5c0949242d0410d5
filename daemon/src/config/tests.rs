use super::*;

fn load(text: &str, env: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    std::fs::write(&path, text).unwrap();
    let variable =
        |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    let flags = flags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Settings::load(&ConfigFile::read(&path)?, &Overrides::new(variable, flags)?)
}

fn refused(text: &str) -> String {
    load(text, &[], &[]).unwrap_err().to_string()
}

#[test]
fn without_a_file_the_defaults_are_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let file = ConfigFile::read(&folder.path().join("config.toml")).unwrap();
    let settings = Settings::load(&file, &Overrides::default()).unwrap();
    assert_eq!(settings.config(), &table::defaults());
    assert_eq!(settings.config().http().to_string(), "127.0.0.1:7700");
    assert!(settings.list().iter().all(|s| s.source == "default" && !s.value.contains('"')));
    for setting in SETTINGS {
        assert_eq!(setting.name.matches('.').count(), 1, "{}", setting.name);
        assert!(!setting.about.ends_with('.'), "{}", setting.name);
        if !setting.default().is_empty() {
            setting.check(&setting.default()).unwrap();
        }
    }
}

#[test]
fn a_flag_beats_a_variable_beats_the_file() {
    let text = "[http]\nport = 1\n[net]\nmdns = false\nlisten = [\"/ip6/::/tcp/4001\"]\n";
    let settings =
        load(text, &[("DSP_HTTP_PORT", "2"), ("DSP_NET_MDNS", "")], &[("http.port", "3")]).unwrap();
    assert_eq!(settings.config().http_port, 3);
    assert!(!settings.config().mdns, "an empty variable is not set");
    assert_eq!(joined(&settings), ["/ip6/::/tcp/4001"]);
    let sources: BTreeMap<_, _> = settings.list().into_iter().map(|s| (s.name, s.source)).collect();
    assert_eq!((&*sources["http.port"], &*sources["net.mdns"]), ("flag", "file"));
    let settings = load(text, &[("DSP_NET_LISTEN", "/ip4/1.2.3.4/tcp/1, /ip4/1.2.3.4/tcp/2")], &[]);
    let settings = settings.unwrap();
    assert_eq!(joined(&settings), ["/ip4/1.2.3.4/tcp/1", "/ip4/1.2.3.4/tcp/2"]);
}

fn joined(settings: &Settings) -> Vec<String> {
    settings.config().listen.iter().map(ToString::to_string).collect()
}

#[test]
fn an_unknown_name_is_refused_with_the_nearest() {
    let error = refused("[net]\nmnds = true\n");
    assert!(error.starts_with("there is no setting `net.mnds` in /"), "{error}");
    assert!(error.ends_with("config.toml; did you mean `net.mdns`?"), "{error}");
    assert!(refused("port = 1").ends_with("did you mean `http.port`?"));
    assert!(refused("[[net]]\nmdns = true").contains("no setting `net`"));
    assert!(refused("[net.mdns]\non = true").contains("no setting `net.mdns.on`"));
    let error = load("", &[], &[("colour", "red")]).unwrap_err().to_string();
    assert_eq!(error, "there is no setting `colour` of the flags");
}

#[test]
fn a_wrong_value_is_refused_with_what_is_expected() {
    for (text, expected) in [
        ("[http]\nport = \"7700\"", "expected a whole number, got string"),
        ("[http]\nport = 70000", "expected a whole number from 0 to 65535, got `70000`"),
        ("[http]\nport = -1", "got `-1`"),
        ("[http]\nlisten = \"0.0.0.0\"", "0.0.0.0 can be reached from other machines"),
        ("[http]\nlisten = \"localhost\"", "`localhost` is no IP address"),
        ("[net]\nmdns = 1", "expected true or false, got integer"),
        ("[net]\nlisten = [1]", "expected a string in it, got integer"),
        ("[net]\nlisten = \"/ip4/0.0.0.0/tcp/0\"", "expected a list of strings"),
        ("[net]\nannounce = [\"host:80\"]", "`host:80` is no address"),
        ("[log]\nlevel = \"net=loud\"", "`net=loud` is no log filter"),
        ("[user]\nname = \"\"", "`user.name` in /"),
        ("[user]\nname = \"a\\u0007\"", "the invisible character \\u{7} is not allowed"),
        ("[user]\nname = \"me\"", "`me` is reserved"),
        ("[device]\nname = \"a/b\"", "the character `/` is not allowed"),
        ("[store]\nmin_free_bytes = -5", "such as 500MB or 1GiB, got `-5`"),
        ("[policy]\ndefault = \"none\"", "expected all, heads or lazy, got `none`"),
    ] {
        let error = refused(text);
        assert!(error.contains(expected), "{text}: {error}");
        assert!(error.contains("config.toml"), "{error}");
    }
    let long = format!("[user]\nname = \"{}\"", "x".repeat(65));
    assert!(refused(&long).ends_with("65 bytes exceed the limit of 64"));
    let error = load("", &[("DSP_NET_MDNS", "maybe")], &[]).unwrap_err().to_string();
    assert!(error.contains("`net.mdns` in the variable DSP_NET_MDNS"), "{error}");
    assert!(refused("[net\n").ends_with("config.toml is not valid TOML"));
}

#[test]
fn editing_keeps_comments_and_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let text = "# mine\n\n[http] # web\nport = 7800 # as in the office\n\n[net]\nmdns = true\n";
    std::fs::write(&path, text).unwrap();
    ConfigFile::set(&path, "http.port", "7900").unwrap();
    ConfigFile::set(&path, "net.listen", "/ip4/0.0.0.0/tcp/1,/ip4/0.0.0.0/tcp/2").unwrap();
    ConfigFile::set(&path, "user.name", "Ann \"A\"").unwrap();
    ConfigFile::unset(&path, "net.mdns").unwrap();
    ConfigFile::unset(&path, "log.level").unwrap();
    let expected = "# mine\n\n[http] # web\nport = 7900 # as in the office\n\n[net]\n\
                    listen = [\"/ip4/0.0.0.0/tcp/1\", \"/ip4/0.0.0.0/tcp/2\"]\n\n[user]\n";
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written.starts_with(expected), "{written}");
    let settings =
        Settings::load(&ConfigFile::read(&path).unwrap(), &Overrides::default()).unwrap();
    assert_eq!(settings.config().user_name, "Ann \"A\"");
    assert_eq!(settings.config().listen.len(), 2);
}

#[test]
fn a_refused_edit_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    assert!(ConfigFile::set(&path, "http.listen", "0.0.0.0").is_err());
    assert!(ConfigFile::set(&path, "http.prot", "1").is_err());
    assert!(ConfigFile::unset(&path, "http.prot").is_err());
    assert!(!path.exists());
    std::fs::write(&path, "net = 1\n").unwrap();
    let error = ConfigFile::set(&path, "net.mdns", "true").unwrap_err();
    assert!(matches!(error, EditError::NoTable { .. }), "{error}");
    std::fs::write(&path, "[net\n").unwrap();
    assert!(ConfigFile::set(&path, "net.mdns", "true").is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "[net\n");
}

#[test]
fn a_level_of_the_log_is_one() {
    let setting = super::find("log.level", None).unwrap();
    for text in ["debug", "warn,dsp_daemon::net=debug", "dsp_daemon=trace"] {
        assert!(setting.check(text).is_ok(), "{text}");
    }
    // It would be the name of a part of the program, and nothing else logged.
    for text in ["loud", "info,loud", "dsp=loud", ""] {
        assert!(setting.check(text).is_err(), "{text}");
    }
}

#[test]
fn bytes_have_units() {
    let setting = super::find("store.min_free_bytes", None).unwrap();
    let read = |text: &str| setting.check(text).ok().and_then(|value| value.as_integer());
    for (text, bytes) in
        [("0", 0), ("500", 500), ("1GB", 1_000_000_000), ("2 GiB", 2 << 30), ("7mb", 7_000_000)]
    {
        assert_eq!(read(text), Some(bytes), "{text}");
    }
    for text in ["", "GB", "1.5GB", "-1", "1 GBs", "9999999TB"] {
        assert_eq!(read(text), None, "{text}");
    }
}
