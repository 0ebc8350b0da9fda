//! [`InputGeometry`]: the size and shape a network wants its picture in, and where that picture
//! lies in a frame.

use super::PreprocessError;
use crate::frame::MAX_SIDE;
use serde::{Deserialize, Serialize};

/// The longest side a network's input may have, in pixels.
pub const MAX_INPUT_SIDE: usize = 4096;

/// A network's input picture. In a bundle's manifest it is flat:
///
/// ```toml
/// width = 224
/// height = 224
/// fit = "crop"      # or "stretch"
/// shorter = 256     # with "crop" alone
/// color = "rgb"     # or "bgr"
/// ```
///
/// What is read by `serde` has been [validated](Self::validate).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Flat", into = "Flat")]
pub struct InputGeometry {
    /// Width of the network's picture in pixels.
    pub width: usize,
    /// Height of the network's picture in pixels.
    pub height: usize,
    /// How a frame of another shape is brought to that size.
    pub fit: Fit,
    /// The order of the tensor's three colour planes.
    pub color: ColorOrder,
}

/// How a frame is brought to the network's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fit {
    /// Resize, with the aspect ratio kept, until the shorter side has `shorter` pixels; then cut
    /// the network's size out of the centre. This is torchvision's `Resize(shorter)` and
    /// `CenterCrop((height, width))`.
    Crop {
        /// The shorter side after resizing, in pixels.
        shorter: usize,
    },
    /// Resize the whole frame to the network's size, whatever that does to the aspect ratio.
    Stretch,
}

/// The order of a tensor's colour planes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColorOrder {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
}

impl InputGeometry {
    /// Length in bytes of the tensor `[3, height, width]`.
    pub fn tensor_len(&self) -> usize {
        3 * self.height * self.width
    }

    /// Checks the sizes.
    ///
    /// # Errors
    ///
    /// When a side is 0 or over [`MAX_INPUT_SIDE`], or `shorter` is over [`MAX_SIDE`] or so small
    /// that no frame could hold the crop.
    pub fn validate(&self) -> Result<(), PreprocessError> {
        let Self {
            width, height, fit, ..
        } = *self;
        let sides = 1..=MAX_INPUT_SIDE;
        if !sides.contains(&width) || !sides.contains(&height) {
            return Err(PreprocessError::InputSide { width, height });
        }
        match fit {
            Fit::Crop { shorter } if !(width.min(height)..=MAX_SIDE).contains(&shorter) => {
                Err(PreprocessError::Shorter {
                    width,
                    height,
                    shorter,
                })
            }
            Fit::Crop { .. } | Fit::Stretch => Ok(()),
        }
    }

    /// Where the network's picture lies in a frame: the horizontal and the vertical [`Axis`].
    pub(super) fn place(&self, frame: (usize, usize)) -> Result<(Axis, Axis), PreprocessError> {
        let (resized_width, resized_height) = match self.fit {
            Fit::Stretch => (self.width, self.height),
            Fit::Crop { shorter } => {
                // torchvision truncates the long side: int(shorter * long / short).
                let (width, height) = frame;
                if width <= height {
                    (shorter, shorter * height / width)
                } else {
                    (shorter * width / height, shorter)
                }
            }
        };
        let resized = (resized_width, resized_height);
        if resized_width.max(resized_height) > MAX_SIDE {
            return Err(PreprocessError::Aspect { frame, resized });
        }
        if resized_width < self.width || resized_height < self.height {
            return Err(PreprocessError::Crop {
                frame,
                resized,
                crop: (self.width, self.height),
            });
        }
        Ok((
            Axis::centered(frame.0, resized_width, self.width),
            Axis::centered(frame.1, resized_height, self.height),
        ))
    }
}

/// One direction of a resize and crop: `source` samples become `resized`, of which `len` from
/// `start` on are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Axis {
    pub source: usize,
    pub resized: usize,
    pub start: usize,
    pub len: usize,
}

impl Axis {
    /// The crop from the centre. An odd rest is halved as torchvision's `int(round(rest / 2.0))`
    /// does: to the even neighbour.
    fn centered(source: usize, resized: usize, len: usize) -> Self {
        let half = (resized - len) / 2;
        let odd_rest = (resized - len) % 2;
        Self {
            source,
            resized,
            start: half + (odd_rest & half),
            len,
        }
    }
}

/// The form in the manifest, where `shorter` stands beside `fit`.
#[derive(Serialize, Deserialize)]
struct Flat {
    width: usize,
    height: usize,
    fit: FlatFit,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shorter: Option<usize>,
    color: ColorOrder,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FlatFit {
    Crop,
    Stretch,
}

impl TryFrom<Flat> for InputGeometry {
    type Error = PreprocessError;

    fn try_from(flat: Flat) -> Result<Self, PreprocessError> {
        let fit = match (flat.fit, flat.shorter) {
            (FlatFit::Crop, Some(shorter)) => Fit::Crop { shorter },
            (FlatFit::Stretch, None) => Fit::Stretch,
            (FlatFit::Crop, None) => return Err(PreprocessError::ShorterMissing),
            (FlatFit::Stretch, Some(_)) => return Err(PreprocessError::ShorterSurplus),
        };
        let Flat {
            width,
            height,
            color,
            ..
        } = flat;
        let geometry = Self {
            width,
            height,
            fit,
            color,
        };
        geometry.validate()?;
        Ok(geometry)
    }
}

impl From<InputGeometry> for Flat {
    fn from(geometry: InputGeometry) -> Self {
        let InputGeometry {
            width,
            height,
            fit,
            color,
        } = geometry;
        let (fit, shorter) = match fit {
            Fit::Crop { shorter } => (FlatFit::Crop, Some(shorter)),
            Fit::Stretch => (FlatFit::Stretch, None),
        };
        Self {
            width,
            height,
            fit,
            shorter,
            color,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CROP: InputGeometry = InputGeometry {
        width: 224,
        height: 224,
        fit: Fit::Crop { shorter: 256 },
        color: ColorOrder::Rgb,
    };

    #[test]
    fn the_manifest_form_is_flat_and_comes_back() {
        let crop = "width = 224\nheight = 224\nfit = \"crop\"\nshorter = 256\ncolor = \"rgb\"\n";
        assert_eq!(toml::to_string(&CROP).unwrap(), crop);
        assert_eq!(toml::from_str::<InputGeometry>(crop).unwrap(), CROP);
        let stretch = "width = 96\nheight = 64\nfit = \"stretch\"\ncolor = \"bgr\"\n";
        let geometry: InputGeometry = toml::from_str(stretch).unwrap();
        assert_eq!(
            (geometry.fit, geometry.color),
            (Fit::Stretch, ColorOrder::Bgr)
        );
        assert_eq!(toml::to_string(&geometry).unwrap(), stretch);
    }

    #[test]
    fn a_manifest_that_contradicts_itself_is_refused() {
        for (fields, reason) in [
            ("width = 8\nheight = 8\nfit = \"crop\"", "needs `shorter`"),
            (
                "width = 8\nheight = 8\nfit = \"stretch\"\nshorter = 8",
                "has no `shorter`",
            ),
            ("width = 0\nheight = 8\nfit = \"stretch\"", "1 to 4096"),
            (
                "width = 8\nheight = 8\nfit = \"crop\"\nshorter = 7",
                "cannot hold",
            ),
            (
                "width = 8\nheight = 8\nfit = \"crop\"\nshorter = 16385",
                "cannot hold",
            ),
        ] {
            let text = format!("{fields}\ncolor = \"rgb\"\n");
            let error = toml::from_str::<InputGeometry>(&text)
                .unwrap_err()
                .to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn the_long_side_is_truncated_and_half_pixels_round_to_even() {
        let (across, down) = CROP.place((641, 480)).unwrap();
        assert_eq!((across.resized, down.resized), (341, 256));
        // Rests of 117 and 32: 58.5 becomes 58.
        assert_eq!((across.start, down.start), (58, 16));
        let (_, down) = CROP.place((480, 645)).unwrap();
        // 344 - 224 = 120.
        assert_eq!((down.resized, down.start), (344, 60));
        let odd = |rest: usize| Axis::centered(100, 10 + rest, 10).start;
        assert_eq!([1, 3, 5, 7].map(odd), [0, 2, 2, 4]);
    }

    #[test]
    fn frames_too_long_or_too_narrow_are_refused() {
        let error = CROP.place((16, 1025)).unwrap_err();
        assert!(matches!(
            error,
            PreprocessError::Aspect {
                resized: (256, 16400),
                ..
            }
        ));
        let wide = InputGeometry { width: 400, ..CROP };
        assert!(wide.place((1600, 900)).is_ok());
        assert!(matches!(
            wide.place((640, 480)),
            Err(PreprocessError::Crop { .. })
        ));
    }
}
