//! The letters about accounts, in English and Chinese.

use crate::mail::Letter;

/// Languages there are letters in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    Chinese,
}

impl Language {
    /// Of a BCP 47 tag; English where there are no letters in it.
    pub(crate) fn of(tag: Option<&str>) -> Language {
        match tag {
            Some(tag) if tag.to_ascii_lowercase().starts_with("zh") => Language::Chinese,
            _ => Language::English,
        }
    }
}

/// `by`: who invites; `None` where the person asked for it.
pub(crate) fn invitation(
    to: &str,
    by: Option<&str>,
    host: &str,
    link: &str,
    language: Language,
) -> Letter {
    let (subject, text) = match (language, by) {
        (Language::English, Some(by)) => (
            format!("{by} invites you to Confab at {host}"),
            format!(
                "{by} invites you to {host}, a server for video meetings.\n\nMake your account here, within seven days:\n{link}\n\n\
                 If you don't know {by}, do nothing: without you no account is made.\n"
            ),
        ),
        (Language::English, None) => (
            format!("Your account at {host}"),
            format!(
                "Somebody, probably you, wants an account for this address at {host}, a server for video meetings.\n\n\
                 Make it here, within seven days:\n{link}\n\nIf it was not you, do nothing: without you no account is made.\n"
            ),
        ),
        (Language::Chinese, Some(by)) => (
            format!("{by} 邀请您使用 {host} 上的 Confab"),
            format!(
                "{by} 邀请您使用视频会议服务器 {host}。\n\n请在七天内打开以下链接创建账号：\n{link}\n\n\
                 如果您不认识 {by}，无需任何操作：没有您的确认，不会创建账号。\n"
            ),
        ),
        (Language::Chinese, None) => (
            format!("您在 {host} 上的账号"),
            format!(
                "有人（可能是您本人）希望用此邮箱地址在视频会议服务器 {host} 上注册账号。\n\n请在七天内打开以下链接创建账号：\n{link}\n\n\
                 如果不是您本人，无需任何操作：没有您的确认，不会创建账号。\n"
            ),
        ),
    };
    letter(to, subject, text)
}

pub(crate) fn reset(to: &str, host: &str, link: &str, language: Language) -> Letter {
    let (subject, text) = match language {
        Language::English => (
            format!("A new password for {host}"),
            format!(
                "Somebody, probably you, forgot the password of this address at {host}.\n\nChoose a new one here, within one hour:\n{link}\n\n\
                 If it was not you, do nothing: your password stays as it is.\n"
            ),
        ),
        Language::Chinese => (
            format!("为 {host} 设置新密码"),
            format!(
                "有人（可能是您本人）忘记了此邮箱地址在 {host} 上的密码。\n\n请在一小时内打开以下链接设置新密码：\n{link}\n\n\
                 如果不是您本人，无需任何操作：您的密码保持不变。\n"
            ),
        ),
    };
    letter(to, subject, text)
}

/// For somebody who asks for an account and has one.
pub(crate) fn has_account(to: &str, host: &str, link: &str, language: Language) -> Letter {
    let (subject, text) = match language {
        Language::English => (
            format!("You have an account at {host}"),
            format!(
                "Somebody, probably you, wanted an account for this address at {host}. There is one already.\n\nSign in here:\n{link}\n"
            ),
        ),
        Language::Chinese => (
            format!("您在 {host} 上已有账号"),
            format!(
                "有人（可能是您本人）希望用此邮箱地址在 {host} 上注册账号，但该地址已有账号。\n\n请在此登录：\n{link}\n"
            ),
        ),
    };
    letter(to, subject, text)
}

/// After the password changed, so that the owner hears of it.
pub(crate) fn changed(to: &str, host: &str, link: &str, language: Language) -> Letter {
    let (subject, text) = match language {
        Language::English => (
            format!("Your password at {host} was changed"),
            format!(
                "The password of this address at {host} was changed, and you were signed out everywhere else.\n\n\
                 If it was not you, choose a new one at once:\n{link}\n"
            ),
        ),
        Language::Chinese => (
            format!("您在 {host} 上的密码已更改"),
            format!(
                "此邮箱地址在 {host} 上的密码已更改，其他设备均已退出登录。\n\n如果不是您本人操作，请立即设置新密码：\n{link}\n"
            ),
        ),
    };
    letter(to, subject, text)
}

/// After a provider was linked or a passkey added. `way`: its name.
pub(crate) fn way_added(to: &str, host: &str, way: &str, link: &str, language: Language) -> Letter {
    let (subject, text) = match language {
        Language::English => (
            format!("A new way to sign in at {host}"),
            format!(
                "Your account at {host} can now be entered by: {way}\n\n\
                 If it was not you, remove it and change your password at once:\n{link}\n"
            ),
        ),
        Language::Chinese => (
            format!("您在 {host} 上新增了登录方式"),
            format!(
                "您在 {host} 上的账号现在可以通过以下方式登录：{way}\n\n如果不是您本人操作，请立即移除并更改密码：\n{link}\n"
            ),
        ),
    };
    letter(to, subject, text)
}

fn letter(to: &str, subject: String, text: String) -> Letter {
    Letter {
        to: to.to_owned(),
        subject,
        text,
        ..Letter::default()
    }
}
