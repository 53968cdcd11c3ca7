//! The few words the shell itself shows, in the languages of the UI.

use crate::ipc::Language;

/// Texts of tray, notifications and window titles.
#[derive(Debug)]
pub struct Texts {
    pub open: &'static str,
    pub microphone: &'static str,
    pub camera: &'static str,
    pub quit: &'static str,
    pub meeting_ended: &'static str,
}

const ENGLISH: Texts = Texts {
    open: "Open Confab",
    microphone: "Microphone on or off",
    camera: "Camera on or off",
    quit: "Quit",
    meeting_ended: "The meeting has ended",
};

const CHINESE: Texts = Texts {
    open: "打开 Confab",
    microphone: "打开或关闭麦克风",
    camera: "打开或关闭摄像头",
    quit: "退出",
    meeting_ended: "会议已结束",
};

/// The texts for a setting; `System` goes by the environment's language.
pub fn texts(language: Language) -> &'static Texts {
    let chinese = match language {
        Language::English => false,
        Language::Chinese => true,
        Language::System => system_is_chinese(|name| std::env::var(name).ok()),
    };
    if chinese { &CHINESE } else { &ENGLISH }
}

/// As gettext decides: the first of these that is set says the language.
fn system_is_chinese(get: impl Fn(&str) -> Option<String>) -> bool {
    ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .filter_map(get)
        .find(|value| !value.is_empty())
        .is_some_and(|value| value.starts_with("zh"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_decides() {
        let with = |set: &[(&str, &str)]| {
            let set: Vec<_> = set
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect();
            system_is_chinese(move |name| {
                set.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone())
            })
        };
        assert!(with(&[("LANG", "zh_CN.UTF-8")]));
        assert!(!with(&[("LC_ALL", "C"), ("LANG", "zh_CN.UTF-8")]));
        assert!(with(&[("LC_ALL", ""), ("LANG", "zh_CN.UTF-8")]));
        assert!(!with(&[]));
    }
}
