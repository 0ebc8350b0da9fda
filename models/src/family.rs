//! The families of networks by name.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A family fixes the wiring; a checkpoint's tensors give the widths, depths and classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Family {
    /// TSM over MobileNetV2, of any width multiple, online (one-way) or not.
    TsmMobileNetV2,
    /// TSM over a ResNet of basic blocks.
    TsmResNet18,
    /// TSM over a ResNet of bottleneck blocks.
    TsmResNet50,
}

/// What the published checkpoints of a family were trained with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Published {
    /// Frames of a clip.
    pub frames: usize,
    /// Height and width of a frame, in pixels.
    pub size: (usize, usize),
    /// Mean of each colour channel, red first, of values in 0..1.
    pub mean: [f32; 3],
    /// Standard deviation of each colour channel.
    pub std: [f32; 3],
}

/// No family has this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no family {name:?}; there are {}", ids().join(", "))]
pub struct UnknownFamily {
    /// The name that was asked for.
    pub name: String,
}

impl Family {
    /// All of them, in the order in which they are listed to people.
    pub const ALL: [Family; 3] = [
        Family::TsmMobileNetV2,
        Family::TsmResNet18,
        Family::TsmResNet50,
    ];

    /// The name on the command line and in a bundle.
    pub fn id(self) -> &'static str {
        match self {
            Family::TsmMobileNetV2 => "tsm-mobilenetv2",
            Family::TsmResNet18 => "tsm-resnet18",
            Family::TsmResNet50 => "tsm-resnet50",
        }
    }

    /// One line for people.
    pub fn description(self) -> &'static str {
        match self {
            Family::TsmMobileNetV2 => {
                "temporal shift over MobileNetV2, any width; one-way for MIT's online_demo names"
            }
            Family::TsmResNet18 => "temporal shift over a ResNet of basic blocks (18 or 34 layers)",
            Family::TsmResNet50 => {
                "temporal shift over a ResNet of bottleneck blocks (50, 101 or 152 layers)"
            }
        }
    }

    /// What the published checkpoints were trained with.
    pub fn published(self) -> Published {
        match self {
            Family::TsmMobileNetV2 | Family::TsmResNet18 | Family::TsmResNet50 => Published {
                frames: 8,
                size: (224, 224),
                mean: [0.485, 0.456, 0.406],
                std: [0.229, 0.224, 0.225],
            },
        }
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
        let family = Family::ALL.into_iter().find(|family| family.id() == name);
        family.ok_or_else(|| UnknownFamily { name: name.into() })
    }
}

fn ids() -> Vec<&'static str> {
    Family::ALL.map(Family::id).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_is_found_by_its_name() {
        for family in Family::ALL {
            assert_eq!(family.to_string().parse(), Ok(family));
        }
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
