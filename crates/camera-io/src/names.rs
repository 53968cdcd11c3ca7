//! Ids that stay a camera's own when it is plugged in again or another one before it.
//!
//! Windows and macOS have such ids. Linux numbers cameras in the order in which they appear; udev's links in `/dev/v4l` name
//! them by maker and serial number, or by the plug they are in.

use nokhwa::utils::{CameraIndex, CameraInfo as Found};
use std::collections::HashMap;
use std::path::Path;

/// A camera's stable id, and what opens it now.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Named {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) index: CameraIndex,
}

/// Names what the system has found. `root` is `/`, or a copy of it in tests.
pub(crate) fn name(found: &[Found], root: &Path) -> Vec<Named> {
    let links = links(root);
    found
        .iter()
        .filter(|camera| !is_second_node(camera.index(), root))
        .map(|camera| Named {
            id: match (camera.misc(), camera.index()) {
                (misc, _) if !misc.is_empty() => misc,
                (_, CameraIndex::Index(n)) => links.get(n).cloned().unwrap_or(n.to_string()),
                (_, CameraIndex::String(id)) => id.clone(),
            },
            name: camera.human_name(),
            index: camera.index().clone(),
        })
        .collect()
}

/// udev's names by the number of the device node; the maker's before the plug's. Two equal cameras without a serial number share
/// the maker's, which then points to one of them.
fn links(root: &Path) -> HashMap<u32, String> {
    let mut names = HashMap::new();
    for folder in ["dev/v4l/by-path", "dev/v4l/by-id"] {
        let entries = std::fs::read_dir(root.join(folder));
        for entry in entries.into_iter().flatten().flatten() {
            let target = std::fs::read_link(entry.path()).unwrap_or_default();
            let node = target.file_name().and_then(|n| n.to_str());
            let number = node.and_then(|n| n.strip_prefix("video")?.parse().ok());
            if let (Some(number), Ok(name)) = (number, entry.file_name().into_string()) {
                names.insert(number, name);
            }
        }
    }
    names
}

/// Many cameras have a second device node that gives no pictures, only notes on them.
fn is_second_node(index: &CameraIndex, root: &Path) -> bool {
    let CameraIndex::Index(n) = index else {
        return false;
    };
    let place = root.join(format!("sys/class/video4linux/video{n}/index"));
    std::fs::read_to_string(place).is_ok_and(|text| text.trim() != "0")
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn found(number: u32, misc: &str) -> Found {
        let name = format!("Camera {number}");
        Found::new(&name, "", misc, CameraIndex::Index(number))
    }

    #[test]
    fn cameras_are_named_by_maker_then_plug_then_number() {
        let root = tempfile::tempdir().unwrap();
        let folder = |name: &str| {
            let path = root.path().join(name);
            std::fs::create_dir_all(&path).unwrap();
            path
        };
        let (id, path) = (folder("dev/v4l/by-id"), folder("dev/v4l/by-path"));
        symlink("../../video0", id.join("usb-Maker_C920_1234-video-index0")).unwrap();
        symlink(
            "../../video0",
            path.join("pci-0000:00-usb-0:1:1.0-video-index0"),
        )
        .unwrap();
        symlink(
            "../../video2",
            path.join("pci-0000:00-usb-0:2:1.0-video-index0"),
        )
        .unwrap();
        for (node, index) in [(0, "0\n"), (1, "1\n"), (2, "0\n")] {
            let place = folder(&format!("sys/class/video4linux/video{node}"));
            std::fs::write(place.join("index"), index).unwrap();
        }
        let all = [found(0, ""), found(1, ""), found(2, ""), found(4, "")];
        let ids: Vec<String> = name(&all, root.path()).into_iter().map(|c| c.id).collect();
        assert_eq!(
            ids,
            [
                "usb-Maker_C920_1234-video-index0",
                "pci-0000:00-usb-0:2:1.0-video-index0",
                "4"
            ]
        );
    }

    #[test]
    fn a_system_that_has_ids_is_believed() {
        let named = name(&[found(3, "0x1420000005ac8600")], Path::new("/nowhere"));
        assert_eq!(named[0].id, "0x1420000005ac8600");
        assert_eq!(named[0].index, CameraIndex::Index(3));
    }
}
