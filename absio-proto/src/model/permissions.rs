//! What a user may do with a container: bits, names, defaults (checklist 1.0 and 1.7).

use crate::error::InputError;
use core::fmt;
use core::str::FromStr;

bitflags::bitflags! {
    /// Permission bits. The values 1, 2, 8, 32 and 64 are fixed by numbers the original published;
    /// that 4 is upload and 16 is access.modify, and that 128 is rxAccessEvents, rests on the order
    /// in which its sister libraries declare them (checklist 1.0).
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub struct Permissions: u32 {
        /// `container.download`: fetch the encrypted data.
        const CONTAINER_DOWNLOAD = 1;
        /// `container.decrypt`: receive the container's keys.
        const CONTAINER_DECRYPT = 2;
        /// `container.upload`: replace header and content.
        const CONTAINER_UPLOAD = 4;
        /// `access.view`: see everybody's access.
        const ACCESS_VIEW = 8;
        /// `access.modify`: change everybody's access.
        const ACCESS_MODIFY = 16;
        /// `container.type.modify`: change the type.
        const CONTAINER_TYPE_MODIFY = 32;
        /// `container.type.view`: see the type.
        const CONTAINER_TYPE_VIEW = 64;
        /// `access.rxAccessEvents`: be told when others fetch the container.
        const ACCESS_RX_ACCESS_EVENTS = 128;
    }
}

/// The seed's order of names, which is not the order of bits.
const NAMES: [(Permissions, &str); 8] = [
    (Permissions::CONTAINER_DOWNLOAD, "container.download"),
    (Permissions::CONTAINER_DECRYPT, "container.decrypt"),
    (Permissions::CONTAINER_UPLOAD, "container.upload"),
    (Permissions::CONTAINER_TYPE_VIEW, "container.type.view"),
    (Permissions::CONTAINER_TYPE_MODIFY, "container.type.modify"),
    (Permissions::ACCESS_VIEW, "access.view"),
    (Permissions::ACCESS_MODIFY, "access.modify"),
    (Permissions::ACCESS_RX_ACCESS_EVENTS, "access.rxAccessEvents"),
];

impl Permissions {
    /// All seven rights of the seed: the creator's default, 127 (S-115, S-123).
    pub const CREATOR: Self = Self::from_bits_retain(127);
    /// View, decrypt and download: the other users' default, 11 (S-124).
    pub const RECIPIENT: Self = Self::from_bits_retain(11);
    /// The other users' default of a sister library: 11 and type.view, 75 (AMB-17).
    pub const RECIPIENT_WITH_TYPE: Self = Self::from_bits_retain(75);

    /// The permissions that `value` stands for.
    ///
    /// # Errors
    /// [`InputError::InvalidArgument`] for a value outside 0..=255 (S-122).
    pub fn from_int(value: i64) -> Result<Self, InputError> {
        u32::try_from(value).ok().and_then(Self::from_bits).ok_or_else(|| InputError::InvalidArgument {
            argument: "permissions",
            reason: format!("{value} is outside 0 to 255"),
        })
    }

    /// The integer, as on the wire.
    #[must_use]
    pub const fn as_int(self) -> u32 {
        self.bits()
    }

    /// The names of the rights that are set, in the seed's order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.into_iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, name)| name)
    }
}

/// As the seed's constructor: everything.
impl Default for Permissions {
    fn default() -> Self {
        Self::CREATOR
    }
}

/// The seed's text form: `<Permission(container.decrypt|access.view) int=10>` (S-120).
impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.names().collect();
        write!(f, "<Permission({}) int={}>", names.join("|"), self.bits())
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Parses the integer, or names joined by `+` or `|`.
impl FromStr for Permissions {
    type Err = InputError;

    fn from_str(text: &str) -> Result<Self, InputError> {
        if let Ok(value) = text.parse() {
            return Self::from_int(value);
        }
        text.split(['+', '|']).try_fold(Self::empty(), |sum, name| {
            NAMES.iter().find(|(_, known)| *known == name.trim()).map(|(flag, _)| sum | *flag).ok_or_else(
                || InputError::InvalidArgument {
                    argument: "permissions",
                    reason: format!(
                        "{name:?} is no permission; use a number or {}",
                        NAMES.map(|(_, name)| name).join("+")
                    ),
                },
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permissions(value: i64) -> Permissions {
        Permissions::from_int(value).unwrap()
    }

    #[test]
    fn s115_all_seven_rights_are_127() {
        assert_eq!(Permissions::default().as_int(), 127);
        assert_eq!(Permissions::default().names().count(), 7);
        assert!(!Permissions::default().contains(Permissions::ACCESS_RX_ACCESS_EVENTS));
    }

    #[test]
    fn s116_s117_s118_rights_are_the_seeds_bits() {
        let mut rights = Permissions::default();
        rights.remove(Permissions::CONTAINER_DOWNLOAD | Permissions::CONTAINER_DECRYPT);
        assert_eq!(rights.as_int(), 124);
        let mut rights = permissions(0);
        rights.insert(Permissions::ACCESS_VIEW);
        assert_eq!(rights.as_int(), 8);
        let named = ["container.decrypt", "container.type.modify", "access.view"];
        assert_eq!(permissions(42).names().collect::<Vec<_>>(), named);
    }

    #[test]
    fn s119_every_value_reads_back() {
        for value in 0..=255 {
            let rights = permissions(value);
            assert_eq!(i64::from(rights.as_int()), value);
            let names = rights.names().collect::<Vec<_>>().join("+");
            if value != 0 {
                assert_eq!(names.parse::<Permissions>().unwrap(), rights);
            }
            assert_eq!(value.to_string().parse::<Permissions>().unwrap(), rights);
        }
    }

    #[test]
    fn s120_text_form_is_the_seeds() {
        let all = "container.download|container.decrypt|container.upload|container.type.view|container.type.modify|access.view|access.modify";
        let cases = [
            (127, format!("<Permission({all}) int=127>")),
            (
                124,
                "<Permission(container.upload|container.type.view|container.type.modify|access.view|access.modify) int=124>".into(),
            ),
            (8, "<Permission(access.view) int=8>".into()),
            (42, "<Permission(container.decrypt|container.type.modify|access.view) int=42>".into()),
        ];
        for (value, text) in cases {
            assert_eq!(permissions(value).to_string(), text);
        }
    }

    #[test]
    fn s121_each_name_is_one_bit_and_no_other() {
        let bits = [
            ("container.download", 1),
            ("container.decrypt", 2),
            ("container.upload", 4),
            ("access.view", 8),
            ("access.modify", 16),
            ("container.type.modify", 32),
            ("container.type.view", 64),
            ("access.rxAccessEvents", 128),
        ];
        for (name, bit) in bits {
            assert_eq!(name.parse::<Permissions>().unwrap().as_int(), bit);
            let mut rights = permissions(255);
            rights.set(name.parse().unwrap(), false);
            assert_eq!(rights.as_int(), 255 - bit);
        }
    }

    #[test]
    fn s122_values_beyond_the_known_bits_are_refused_and_128_is_kept() {
        assert_eq!(permissions(128), Permissions::ACCESS_RX_ACCESS_EVENTS);
        assert_eq!(permissions(255), Permissions::all());
        for value in [256, 257, -1, i64::MAX, i64::MIN] {
            assert!(Permissions::from_int(value).is_err(), "{value}");
        }
        for text in ["", "256", "-1", "container.read", "container.download,container.decrypt"] {
            assert!(text.parse::<Permissions>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn s123_s124_defaults_of_creator_and_others() {
        assert_eq!(Permissions::CREATOR.as_int(), 127);
        let recipient = ["container.download", "container.decrypt", "access.view"];
        assert_eq!(Permissions::RECIPIENT.names().collect::<Vec<_>>(), recipient);
        assert_eq!(Permissions::RECIPIENT.as_int(), 11);
        assert_eq!(Permissions::RECIPIENT_WITH_TYPE.as_int(), 75);
    }
}
