use super::*;
use proptest::prelude::*;

/// Each problem as its line would be shown.
fn problems(text: &str) -> Vec<String> {
    let errors = Config::parse(text).expect_err("this text has problems");
    errors.0.iter().map(ToString::to_string).collect()
}

#[test]
fn an_empty_text_is_the_defaults() {
    assert_eq!(Config::parse(""), Ok(Config::default()));
}

#[test]
fn the_sample_names_every_key_with_its_default() {
    let sample = include_str!("../../../packaging/config/controller.toml");
    assert_eq!(Config::parse(sample), Ok(Config::default()));
    // Debug names the fields; a key that the sample forgot would not stand in it.
    let debug = format!("{:?}", Config::default())
        .replace("terminated_retention", "terminated_retention_hours")
        .replace("url_max_bytes", "url_max_gib")
        .replace("url_timeout", "url_timeout_seconds")
        .replace("url_idle", "url_idle_seconds")
        .replace(" cache:", " cache_seconds:")
        .replace(" timeout:", " timeout_seconds:")
        .replace(" retention:", " retention_days:");
    for field in debug.split([' ', '{']).filter_map(|word| word.strip_suffix(':')) {
        let given = sample.lines().any(|line| line.starts_with(&format!("{field} = ")));
        assert!(given || sample.contains(&format!("[{field}]")), "the sample lacks {field}");
    }
}

#[test]
fn every_key_is_read() {
    let config = Config::parse(
        r#"
        state_dir = "/s"
        tokens_file = "/t"
        rest = { listen = "127.0.0.1:1", tls = "own-ca", names = ["a.example", "192.0.2.1"] }
        link = { listen = "[::1]:2", names = ["b.example"] }
        limits = { requests_per_second = 1, burst = 2, password_hash_threads = 3, calls_at_once = 4, connections = 5 }
        auth = { tokens = false, signature = true, keystone = true, access_keys_file = "/a" }
        quota = { instances = 1, addresses = 0, images = 3, vpcs = 4, subnets = 5 }
        audit = { retention_days = 2 }
        policy = { allow_unwiped_reuse = true, terminated_retention_hours = 2, wipe_methods = ["overwrite"] }
        [images]
        url_schemes = ["https", "HTTP"]
        url_hosts = ["A.example", "10.0.0.1"]
        url_private_hosts = ["10.0.0.1"]
        url_max_gib = 3
        url_timeout_seconds = 4
        url_idle_seconds = 5
        [deadlines]
        dispatch = 1
        power = 2
        boot = 3
        inspect = 4
        write = 5_0
        configure = 6
        hand_over = 7
        verify = 8
        power_off = 0x9
        wipe_base = 10
        wipe_bytes_per_second = 1_000_000
        [keystone]
        url = "http://[::1]:5000/identity"
        ca_file = "/ca"
        username = "u"
        password_file = "/p"
        user_domain = "ud"
        project = "pr"
        project_domain = "pd"
        operator_roles = ["o"]
        tenant_roles = []
        read_only_roles = ["r", "s"]
        cache_seconds = 1
        timeout_seconds = 2
        "#,
    )
    .unwrap();
    let seconds = Duration::from_secs;
    let expected = Config {
        state_dir: "/s".into(),
        tokens_file: "/t".into(),
        rest: Rest {
            listen: "127.0.0.1:1".parse().unwrap(),
            tls: Tls::OwnCa,
            names: vec!["a.example".into(), "192.0.2.1".into()],
        },
        link: Link { listen: "[::1]:2".parse().unwrap(), names: vec!["b.example".into()] },
        limits: Limits { requests_per_second: 1, burst: 2, password_hash_threads: 3, calls_at_once: 4, connections: 5 },
        policy: Policy {
            allow_unwiped_reuse: true,
            terminated_retention: seconds(7200),
            wipe_methods: WipeMethods::of(&[billet_proto::link::Erasure::Overwrite]),
        },
        images: Images {
            url_schemes: vec!["https".into(), "http".into()],
            url_hosts: vec!["a.example".into(), "10.0.0.1".into()],
            url_private_hosts: vec!["10.0.0.1".into()],
            url_max_bytes: 3 << 30,
            url_timeout: seconds(4),
            url_idle: seconds(5),
        },
        deadlines: Deadlines {
            dispatch: seconds(1),
            power: seconds(2),
            boot: seconds(3),
            inspect: seconds(4),
            write: seconds(50),
            configure: seconds(6),
            hand_over: seconds(7),
            verify: seconds(8),
            power_off: seconds(9),
            wipe_base: seconds(10),
            wipe_bytes_per_second: 1_000_000,
        },
        auth: Auth { tokens: false, signature: true, keystone: true, access_keys_file: "/a".into() },
        keystone: Keystone {
            url: BaseUrl("http://[::1]:5000/identity".parse().unwrap()),
            ca_file: "/ca".into(),
            username: "u".into(),
            password_file: "/p".into(),
            user_domain: "ud".into(),
            project: "pr".into(),
            project_domain: "pd".into(),
            operator_roles: vec!["o".into()],
            tenant_roles: vec![],
            read_only_roles: vec!["r".into(), "s".into()],
            cache: seconds(1),
            timeout: seconds(2),
        },
        quota: Quota { instances: 1, addresses: 0, images: 3, vpcs: 4, subnets: 5 },
        audit: Audit { retention: seconds(2 * 86_400) },
    };
    assert_eq!(config, expected);
}

#[test]
fn tls_has_three_forms() {
    let tls = |text: &str| Config::parse(&format!("[rest]\nlisten = \"127.0.0.1:1\"\ntls = {text}")).unwrap().rest.tls;
    assert_eq!(tls("\"off\""), Tls::Off);
    assert_eq!(tls("\"own-ca\""), Tls::OwnCa);
    let files = Tls::Files { certificate: "/c".into(), key: "/k".into() };
    assert_eq!(tls("{ certificate = \"/c\", key = \"/k\" }"), files);
}

#[test]
fn all_problems_are_reported_at_once_with_line_and_key() {
    let text = r#"state_dir = "relative"
colour = 1
[rest]
listen = "localhost"
tls = "off"
names = ["ok.example", 7, "a b"]
[limits]
burst = 0
[deadlines]
hand-over = 3
write = "long"
[policy]
allow_unwiped_reuse = "yes"
"#;
    assert_eq!(
        problems(text),
        [
            r#"line 1: state_dir: must be an absolute path, not "relative""#,
            "line 2: colour: is unknown; known here: state_dir, tokens_file, rest, link, limits, policy, images, deadlines, auth, keystone, quota, audit",
            r#"line 4: rest.listen: must be an IP address with a port, such as "0.0.0.0:8443", not "localhost""#,
            r#"line 5: rest.tls: "off" needs a loopback address in rest.listen: tokens would travel in clear"#,
            "line 6: rest.names: must be DNS names and IP addresses, not \"a b\"",
            "line 6: rest.names: must be DNS names and IP addresses, not 7",
            "line 6: rest.names: names go into the own certificate, so they need tls = \"own-ca\"",
            "line 8: limits.burst: must be a whole number from 1 to 1000000, not 0",
            "line 10: deadlines.hand-over: is unknown; 'hand_over' was meant?",
            "line 11: deadlines.write: must be a whole number from 1 to 604800, not \"long\"",
            "line 13: policy.allow_unwiped_reuse: must be true or false, not \"yes\"",
        ]
    );
}

#[test]
fn one_problem_is_one_line() {
    for (text, expected) in [
        ("rest = 1", "line 1: rest: must be a table, not 1"),
        ("[rest]\ntls = { certificate = \"/c\" }", "line 2: rest.tls.key: is missing"),
        (
            "[rest]\ntls = { certificate = \"/c\", key = \"/k\", chain = \"/x\" }",
            "line 2: rest.tls.chain: is unknown; known here: certificate, key",
        ),
        ("[rest]\nlisten = \"0.0.0.0:8444\"", "line 1: link: rest.listen and link.listen are both on port 8444"),
        ("[link]\nnames = \"a\"", "line 2: link.names: must be a list of at most 64 names, not \"a\""),
        (
            "[policy]\nterminated_retention_hours = -1",
            "line 2: policy.terminated_retention_hours: must be a whole number from 0 to 87600, not -1",
        ),
        (
            "[policy]\nwipe_methods = [\"overwrite\", \"discard\"]",
            "line 2: policy.wipe_methods: must be some of nvme-sanitize, nvme-format, ata-secure-erase, write-zeroes, \
             overwrite, not \"discard\"",
        ),
        ("[policy]\nwipe_methods = []", "line 2: policy.wipe_methods: must name at least one way to erase a disk"),
        ("[policy]\nwipe_methods = 1", "line 2: policy.wipe_methods: must be a list of at most 16 words, not 1"),
        (
            "[deadlines]\nboot = 99999999999999999999",
            "line 2: deadlines.boot: must be a whole number from 1 to 604800, not 99999999999999999999",
        ),
    ] {
        assert_eq!(problems(text), [expected], "{text}");
    }
}

#[test]
fn text_that_is_not_toml_is_reported_beside_what_can_be_read() {
    let found = problems("state_dir = \n[limits]\nburst = 0\n");
    assert!(found.iter().any(|line| line.starts_with("line 1: ")), "{found:?}");
    assert!(found.iter().any(|line| line.starts_with("line 3: limits.burst")), "{found:?}");
}

#[test]
fn listeners_may_share_a_port_on_different_addresses_or_ask_for_any() {
    for (one, other) in [("127.0.0.1:1", "127.0.0.2:1"), ("127.0.0.1:0", "127.0.0.1:0")] {
        Config::parse(&format!("[rest]\nlisten = \"{one}\"\n[link]\nlisten = \"{other}\"")).unwrap();
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Config::load(Path::new("/nonexistent/controller.toml")).unwrap_err();
    assert_eq!(error.to_string(), "read the configuration /nonexistent/controller.toml");
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "(?s).{0,120}") {
        let _ = Config::parse(&text);
    }
    #[test]
    fn no_value_makes_the_parser_panic(
        table in "(rest|link|limits|policy|deadlines)",
        key in "(listen|tls|names|burst|write|allow_unwiped_reuse|wipe_methods)",
        value in "(\\[.{0,9}\\]|\\{.{0,9}\\}|\".{0,9}\"|-?[0-9_]{1,30}|[0-9]e[0-9]|1979-05-27)",
    ) {
        let _ = Config::parse(&format!("[{table}]\n{key} = {value}"));
    }
}
