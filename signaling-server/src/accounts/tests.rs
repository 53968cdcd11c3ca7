use super::*;

#[test]
fn a_mail_address_is_one_whatever_its_case_and_blanks() {
    assert_eq!(
        normal_email("  Ada@Example.ORG ").as_deref(),
        Ok("ada@example.org")
    );
    let long = format!("{}@example.org", "x".repeat(250));
    for bad in [
        "",
        "ada",
        "@x",
        "a b@c.example",
        "a@b\r\nc@d",
        "A <a@b.c>",
        &long,
    ] {
        assert!(normal_email(bad).is_err(), "{bad}");
    }
}

#[test]
fn names_languages_and_zones_are_checked() {
    assert_eq!(normal_name(" Ada\n ").as_deref(), Ok("Ada"));
    assert!(normal_name(" ").is_err() && normal_name(&"x".repeat(65)).is_err());
    assert_eq!(normal_language("zh-CN"), Ok(Some("zh-CN".into())));
    assert_eq!(normal_language(""), Ok(None));
    assert!(normal_language("<b>").is_err());
    assert_eq!(
        normal_zone("Asia/Shanghai"),
        Ok(Some("Asia/Shanghai".into()))
    );
    assert!(normal_zone("Moon/Crater").is_err());
}

#[test]
fn an_agent_is_told_in_words_of_our_own() {
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0";
    assert_eq!(agent(firefox), "Firefox · Linux");
    let edge =
        "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0";
    assert_eq!(agent(edge), "Edge · Windows");
    let iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1";
    assert_eq!(agent(iphone), "Safari · iPhone");
    assert_eq!(agent("<script>"), "");
}
