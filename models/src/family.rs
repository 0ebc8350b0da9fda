//! The families of networks by name.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use thiserror::Error;

use crate::build::{BuildOptions, ClipGraph};
use crate::colours::{self, Colours, Spellings};
use crate::error::BuildError;
use crate::weights::{Layers, Weights};
use crate::{artnet, csn, i3d, nonlocal, r3d, s3d, slowfast, smallbig, tsm, tsn};

/// A family fixes the wiring; a checkpoint's tensors give the widths, depths and classes.
#[derive(Clone, Copy)]
pub struct Family(&'static Entry);

/// What each file of a family says about its networks.
pub(crate) struct Entry {
    /// The name on the command line and in a bundle.
    pub id: &'static str,
    /// One line for people.
    pub description: &'static str,
    /// What the published checkpoints were trained with.
    pub published: Published,
    /// The builder.
    pub build: fn(Weights, &BuildOptions) -> Result<ClipGraph, BuildError>,
    /// The layers of the published network that have a weight, for random ones.
    pub layers: fn() -> Layers,
}

/// What the published checkpoints of a family were trained with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Published {
    /// Frames of a clip.
    pub frames: usize,
    /// Height and width of a frame, in pixels.
    pub size: (usize, usize),
    /// How a frame's colours are prepared, where a checkpoint's names do not tell.
    pub colours: Colours,
    pub(crate) spellings: Spellings,
}

impl Published {
    /// 224 x 224 pixels in ImageNet's colours, unless a library's names say else.
    pub(crate) const fn imagenet(frames: usize) -> Published {
        Published {
            frames,
            size: (224, 224),
            colours: colours::IMAGENET,
            spellings: colours::LIBRARIES,
        }
    }
}

/// No family has this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no family {name:?}; there are {}", ids().join(", "))]
pub struct UnknownFamily {
    /// The name that was asked for.
    pub name: String,
}

/// What each file has, in the order in which families are listed to people.
const FAMILIES: [&[Entry]; 12] = [
    tsm::FAMILIES,
    tsn::FAMILIES,
    i3d::FAMILIES,
    i3d::TOP_HEAVY,
    i3d::BOTTOM_HEAVY,
    s3d::FAMILIES,
    r3d::FAMILIES,
    csn::FAMILIES,
    nonlocal::FAMILIES,
    slowfast::FAMILIES,
    smallbig::FAMILIES,
    artnet::FAMILIES,
];

impl Family {
    /// All of them, in the order in which they are listed to people.
    pub fn all() -> impl Iterator<Item = Family> {
        FAMILIES.into_iter().flatten().map(Family)
    }

    /// The name on the command line and in a bundle.
    pub fn id(self) -> &'static str {
        self.0.id
    }

    /// One line for people.
    pub fn description(self) -> &'static str {
        self.0.description
    }

    /// What the published checkpoints were trained with.
    pub fn published(self) -> Published {
        self.0.published
    }

    /// How the pictures of a network with these weights are prepared.
    pub(crate) fn colours_of(self, weights: &Weights) -> Colours {
        let Published {
            spellings, colours, ..
        } = self.published();
        colours::of(weights, spellings, colours)
    }

    #[cfg(test)]
    pub(crate) const fn of(entry: &'static Entry) -> Family {
        Family(entry)
    }

    pub(crate) fn entry(self) -> &'static Entry {
        self.0
    }
}

impl PartialEq for Family {
    fn eq(&self, other: &Family) -> bool {
        self.id() == other.id()
    }
}

impl Eq for Family {}

impl Hash for Family {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id().hash(state);
    }
}

impl fmt::Debug for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Family({})", self.id())
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

impl FromStr for Family {
    type Err = UnknownFamily;

    fn from_str(name: &str) -> Result<Self, UnknownFamily> {
        let family = Family::all().find(|family| family.id() == name);
        family.ok_or_else(|| UnknownFamily { name: name.into() })
    }
}

fn ids() -> Vec<&'static str> {
    Family::all().map(Family::id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_is_found_by_its_name() {
        for family in Family::all() {
            assert_eq!(family.to_string().parse(), Ok(family));
        }
        let mut names = ids();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Family::all().count());
    }

    #[test]
    fn an_unknown_name_is_answered_with_those_that_there_are() {
        let error = "tsm-vgg".parse::<Family>().unwrap_err().to_string();
        assert!(
            error.contains("tsm-vgg") && error.contains("tsm-resnet50"),
            "{error}"
        );
    }
}
