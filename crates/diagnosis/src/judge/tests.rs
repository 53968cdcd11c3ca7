//! Six broken set-ups and their combinations: the cause is named, and nothing that only follows from it.

use super::*;
use crate::{Answer, ClockSample, Failure, Level, Media, Reached, Udp};
use crate::{ClockSource, Database};

const NOW: i64 = 1_800_000_000;
const HERE: &str = "203.0.113.5";
const ELSEWHERE: &str = "198.51.100.77";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn reached(address: &str) -> Reached {
    Reached {
        address: ip(address),
        web: Ok(Answer {
            status: 200,
            instance: Some("this one".into()),
        }),
        websocket: Ok(101),
        udp: Udp::Answered,
    }
}

/// A server on a machine with a public address of its own, all well.
fn good() -> Facts {
    Facts {
        now: NOW,
        setup: Ok(Setup {
            public_url: "https://meet.example.org".into(),
            host: "meet.example.org".into(),
            port: 443,
            https: true,
            behind_proxy: false,
            own_machine_only: false,
            self_signed: false,
            listen: "0.0.0.0:443".into(),
            udp_port: 443,
            tcp_port: Some(443),
            public_addresses: Vec::new(),
        }),
        local: Some(Local {
            data: Ok(()),
            free: Some(50 << 30),
            database: Database {
                at: "/data/confab.sqlite".into(),
                state: DatabaseState::Well,
            },
            addresses: vec![ip("127.0.0.1"), ip(HERE)],
            port: PortState::Ours("this one".into()),
            udp: Udp::Answered,
        }),
        resolved: Ok(vec![ip(HERE)]),
        reached: vec![reached(HERE)],
        media: Vec::new(),
        certificate: Some(Certificate {
            not_before: NOW - 30 * DAY,
            not_after: NOW + 60 * DAY,
            name_fits: true,
            chain: Chain::Trusted,
            from_file: false,
        }),
        clocks: vec![ClockSample {
            source: ClockSource::PublicUrl,
            ahead: 0.2,
        }],
        time_server_silent: None,
    }
}

/// The same behind a router that lets inside machines come back in by its public address.
fn behind_router() -> Facts {
    let mut facts = good();
    facts.local.as_mut().unwrap().addresses = vec![ip("127.0.0.1"), ip("192.168.1.7")];
    setup(&mut facts).public_addresses = vec![ip(HERE)];
    facts.media = vec![Media {
        address: ip(HERE),
        udp: Udp::Answered,
        tcp: None,
    }];
    facts
}

fn setup(facts: &mut Facts) -> &mut Setup {
    facts.setup.as_mut().unwrap()
}

fn faults(facts: &Facts) -> Vec<&'static str> {
    let all = judge(facts);
    let failed = all.iter().filter(|f| f.level == Level::Fail);
    failed.map(|f| f.code).collect()
}

fn code(facts: &Facts, check: Check) -> &'static str {
    let all = judge(facts);
    all.iter().find(|f| f.check == check).unwrap().code
}

fn close_udp(facts: &mut Facts) {
    facts.reached.iter_mut().for_each(|r| r.udp = Udp::Silent);
    facts.media.iter_mut().for_each(|m| m.udp = Udp::Silent);
}

fn lead_elsewhere(facts: &mut Facts, web: Result<Answer, Failure>) {
    facts.resolved = Ok(vec![ip(ELSEWHERE)]);
    facts.reached = vec![Reached {
        address: ip(ELSEWHERE),
        websocket: Err(Failure::Closed),
        udp: Udp::Silent,
        web,
    }];
    let cert = facts.certificate.as_mut().unwrap();
    cert.name_fits = false;
    facts.clocks.clear();
}

fn expire(facts: &mut Facts) {
    facts.certificate.as_mut().unwrap().not_after = NOW - 2 * DAY;
}

fn drop_websocket(facts: &mut Facts) {
    facts.reached[0].websocket = Ok(400);
}

#[test]
fn all_good_is_all_pass_in_three_settings() {
    let mut at_a_desk = good();
    {
        let setup = setup(&mut at_a_desk);
        (setup.https, setup.own_machine_only) = (false, true);
        setup.public_url = "http://127.0.0.1:8480".into();
        setup.host = "127.0.0.1".into();
    }
    at_a_desk.resolved = Ok(vec![ip("127.0.0.1")]);
    at_a_desk.reached = vec![reached("127.0.0.1")];
    at_a_desk.certificate = None;
    for facts in [good(), behind_router(), at_a_desk] {
        let bad: Vec<_> = judge(&facts)
            .into_iter()
            .filter(|f| !matches!(f.level, Level::Pass | Level::Skipped))
            .collect();
        assert_eq!(bad, []);
    }
}

#[test]
fn every_check_is_reported_once_and_in_order() {
    for facts in [good(), behind_router()] {
        let checks: Vec<Check> = judge(&facts).iter().map(|f| f.check).collect();
        assert!(checks.windows(2).all(|w| w[0] < w[1]), "{checks:?}");
        assert_eq!(checks.len(), 13);
    }
}

#[test]
fn one_udp_closed() {
    for mut facts in [good(), behind_router()] {
        close_udp(&mut facts);
        assert_eq!(faults(&facts), ["udp_closed"]);
    }
}

#[test]
fn two_wrong_public_address() {
    let mut facts = behind_router();
    setup(&mut facts).public_addresses = vec![ip(ELSEWHERE)];
    facts.media[0] = Media {
        address: ip(ELSEWHERE),
        udp: Udp::Silent,
        tcp: None,
    };
    assert_eq!(faults(&facts), ["public_address_wrong"]);
    assert_eq!(code(&facts, Check::Udp), "udp_skipped");
    let todo = judge(&facts).into_iter().find_map(|f| f.todo).unwrap();
    assert!(todo.contains(HERE), "{todo}");
}

#[test]
fn two_b_no_public_address_behind_a_router() {
    let mut facts = behind_router();
    setup(&mut facts).public_addresses.clear();
    facts.media.clear();
    assert_eq!(faults(&facts), ["public_address_missing"]);
    close_udp(&mut facts);
    assert_eq!(
        faults(&facts),
        ["public_address_missing"],
        "the port comes after it"
    );
}

#[test]
fn three_expired_certificate() {
    let mut facts = good();
    expire(&mut facts);
    assert_eq!(faults(&facts), ["certificate_expired"]);
    facts.certificate.as_mut().unwrap().not_after = NOW + 3 * DAY;
    assert_eq!(faults(&facts), [""; 0]);
    assert_eq!(code(&facts, Check::Certificate), "certificate_expires_soon");
}

#[test]
fn four_wrong_dns() {
    let another = Ok(Answer {
        status: 404,
        instance: None,
    });
    let another_confab = Ok(Answer {
        status: 200,
        instance: Some("another".into()),
    });
    for web in [
        another,
        another_confab,
        Err(Failure::Timeout),
        Err(Failure::Refused),
    ] {
        for mut facts in [good(), behind_router()] {
            lead_elsewhere(&mut facts, web.clone());
            assert_eq!(faults(&facts), ["dns_wrong_address"], "{web:?}");
        }
    }
    let mut facts = good();
    facts.resolved = Err("no such host".into());
    facts.reached.clear();
    facts.certificate = None;
    assert_eq!(faults(&facts), ["dns_no_address"]);
}

#[test]
fn four_b_a_hosts_file_hides_what_others_are_told() {
    let mut facts = good();
    facts.resolved = Ok(vec![ip("127.0.1.1")]);
    facts.reached = vec![reached("127.0.1.1")];
    assert_eq!(faults(&facts), [""; 0]);
    assert_eq!(code(&facts, Check::Dns), "dns_hidden");
    facts.reached[0].web = Ok(Answer {
        status: 200,
        instance: None,
    });
    assert_eq!(
        faults(&facts),
        ["dns_wrong_address"],
        "another server answers there"
    );
}

#[test]
fn five_clock_off_by_ten_minutes() {
    for ahead in [600.0, -600.0] {
        let mut facts = good();
        facts.clocks[0].ahead = ahead;
        assert_eq!(faults(&facts), ["clock_off"]);
    }
    let mut facts = good();
    facts.clocks.insert(
        0,
        ClockSample {
            source: ClockSource::TimeServer("ntp.example.org".into()),
            ahead: -600.0,
        },
    );
    assert_eq!(faults(&facts), ["clock_off"], "the time server is believed");
    let mut facts = good();
    facts.time_server_silent = Some("ntp.example.org: no answer".into());
    assert_eq!(code(&facts, Check::Clock), "time_server_silent");
    facts.clocks[0].ahead = 600.0;
    assert_eq!(faults(&facts), ["clock_off"]);
    let mut facts = good();
    facts.certificate.as_mut().unwrap().not_before = NOW + 600;
    assert_eq!(
        faults(&facts),
        ["clock_off"],
        "a certificate is not made tomorrow"
    );
}

#[test]
fn six_proxy_drops_websocket() {
    for websocket in [
        Ok(400),
        Ok(200),
        Ok(426),
        Err(Failure::Closed),
        Err(Failure::Timeout),
    ] {
        let mut facts = good();
        setup(&mut facts).behind_proxy = true;
        facts.reached[0].websocket = websocket;
        assert_eq!(faults(&facts), ["websocket_dropped"]);
    }
}

#[test]
fn independent_faults_are_all_named() {
    let mut facts = behind_router();
    close_udp(&mut facts);
    expire(&mut facts);
    drop_websocket(&mut facts);
    facts.clocks[0].ahead = 600.0;
    let all = [
        "clock_off",
        "certificate_expired",
        "websocket_dropped",
        "udp_closed",
    ];
    assert_eq!(faults(&facts), all);
}

#[test]
fn a_certificate_that_only_a_wrong_clock_calls_expired_is_well() {
    let mut facts = good();
    facts.certificate.as_mut().unwrap().not_after = NOW - 60;
    facts.certificate.as_mut().unwrap().not_before = NOW - 90 * DAY;
    facts.clocks[0].ahead = 100.0 * 86_400.0 / 2.0;
    assert_eq!(faults(&facts), ["clock_off"]);
}

#[test]
fn behind_a_wrong_name_nothing_else_is_blamed() {
    let mut facts = good();
    let web = Ok(Answer {
        status: 200,
        instance: None,
    });
    lead_elsewhere(&mut facts, web);
    expire(&mut facts);
    assert_eq!(faults(&facts), ["dns_wrong_address"]);
    for check in [
        Check::Certificate,
        Check::Https,
        Check::Websocket,
        Check::Address,
        Check::Udp,
    ] {
        let found = judge(&facts)
            .into_iter()
            .find(|f| f.check == check)
            .unwrap();
        assert_eq!(found.level, Level::Skipped, "{check:?}");
    }
}

#[test]
fn a_closed_tcp_port_is_not_reported_as_closed_udp_too() {
    for failure in [Failure::Timeout, Failure::Refused, Failure::Unreachable] {
        let mut facts = good();
        facts.reached[0].web = Err(failure);
        facts.reached[0].websocket = Err(Failure::Timeout);
        close_udp(&mut facts);
        facts.certificate = None;
        assert_eq!(faults(&facts), ["tcp_closed"]);
    }
}

#[test]
fn a_server_that_does_not_run_is_said_once() {
    let mut facts = good();
    facts.local.as_mut().unwrap().port = PortState::Free;
    facts.local.as_mut().unwrap().udp = Udp::NotAsked;
    facts.reached[0].web = Err(Failure::Refused);
    close_udp(&mut facts);
    facts.certificate.as_mut().unwrap().from_file = true;
    assert_eq!(faults(&facts), [""; 0]);
    assert_eq!(code(&facts, Check::Port), "server_down");
    assert_eq!(code(&facts, Check::Certificate), "certificate_ok");
    facts.local.as_mut().unwrap().port = PortState::Taken;
    assert_eq!(faults(&facts), ["port_taken"]);
}

#[test]
fn what_is_wrong_on_this_machine_is_said_before_what_is_outside() {
    let mut facts = good();
    facts.local.as_mut().unwrap().udp = Udp::Silent;
    close_udp(&mut facts);
    assert_eq!(faults(&facts), ["media_port_silent"]);
    let mut facts = good();
    facts.local.as_mut().unwrap().data = Err("read-only".into());
    facts.local.as_mut().unwrap().free = Some(1 << 20);
    assert_eq!(faults(&facts), ["data_not_writable", "disk_full"]);
}

#[test]
fn what_is_wrong_with_the_database_is_named() {
    let (found, known) = (7, 13);
    let away = || "connection refused".to_owned();
    for (state, code, is_broken) in [
        (DatabaseState::Well, "database_ok", false),
        (DatabaseState::Missing, "database_missing", false),
        (
            DatabaseState::Older { found, known },
            "database_older",
            false,
        ),
        (
            DatabaseState::TooNew { found: 14, known },
            "database_too_new",
            true,
        ),
        (
            DatabaseState::Unreachable(away()),
            "database_unreachable",
            true,
        ),
        (
            DatabaseState::NotWritable(away()),
            "database_not_writable",
            true,
        ),
    ] {
        let mut facts = good();
        facts.local.as_mut().unwrap().database.state = state;
        assert_eq!(self::code(&facts, Check::Database), code);
        assert_eq!(!faults(&facts).is_empty(), is_broken, "{code}");
    }
}

#[test]
fn from_another_machine_the_same_causes_are_named() {
    let mut remote = good();
    remote.local = None;
    assert_eq!(faults(&remote), [""; 0]);
    let mut facts = remote.clone();
    close_udp(&mut facts);
    assert_eq!(faults(&facts), ["udp_closed"]);
    let mut facts = remote.clone();
    drop_websocket(&mut facts);
    assert_eq!(faults(&facts), ["websocket_dropped"]);
    let mut facts = remote.clone();
    expire(&mut facts);
    facts.clocks[0].ahead = -900.0;
    assert_eq!(faults(&facts), ["clock_off", "certificate_expired"]);
    let mut facts = remote;
    facts.reached[0].web = Ok(Answer {
        status: 200,
        instance: None,
    });
    assert_eq!(faults(&facts), ["https_other_server"]);
}

#[test]
fn a_bad_configuration_is_all_that_is_said() {
    let facts = Facts::unusable("confab.toml:3: unknown key `lisen`".into());
    assert_eq!(faults(&facts), ["config_bad"]);
    assert_eq!(judge(&facts).len(), 1);
}

#[test]
fn codes_are_words_that_scripts_can_match() {
    let json = serde_json::to_value(judge(&good())).unwrap();
    for finding in json.as_array().unwrap() {
        let code = finding["code"].as_str().unwrap();
        assert!(
            code.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
            "{code}"
        );
        assert!(["pass", "skipped"].contains(&finding["level"].as_str().unwrap()));
    }
}

#[test]
fn public_addresses_are_told_from_private_ones() {
    for (address, global) in [
        ("203.0.113.5", true),
        ("10.1.2.3", false),
        ("100.64.0.1", false),
        ("169.254.1.1", false),
        ("2a01:4f8::1", true),
        ("fd00::1", false),
        ("fe80::1", false),
    ] {
        assert_eq!(is_global(&ip(address)), global, "{address}");
    }
}
