//! Network cameras, through FFmpeg.

use anyhow::{Result, bail};
use praxiscope_runtime::source::FrameRate;

use crate::camera::PictureSize;

/// The command that turns an RTSP stream into YUV4MPEG2, and what a person calls the camera: its
/// address without the password.
///
/// # Errors
///
/// When the address is none.
pub fn through_ffmpeg(
    url: &str,
    size: Option<PictureSize>,
    rate: Option<FrameRate>,
) -> Result<(Vec<String>, String)> {
    let Some((scheme, rest)) = url.split_once("://") else {
        bail!("{url:?} is no address such as rtsp://192.168.1.9/stream");
    };
    if !matches!(scheme, "rtsp" | "rtsps") || rest.is_empty() {
        bail!("the address of a camera begins with rtsp:// or rtsps://");
    }
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let slash = if path.is_empty() { "" } else { "/" };
    // What follows a question mark may be a password as well.
    let path = path.split('?').next().unwrap_or_default();
    let name = format!("{scheme}://{host}{slash}{path}");
    let mut filters = vec![];
    if let Some(rate) = rate {
        let (frames, seconds) = rate.ratio();
        filters.push(format!("fps={frames}/{seconds}"));
    }
    if let Some(PictureSize { width, height }) = size {
        filters.push(format!("scale={width}:{height}"));
    }
    filters.push("format=yuv420p".into());
    let mut command: Vec<String> = [
        "ffmpeg",
        "-hide_banner",
        "-nostdin",
        "-loglevel",
        "error",
        "-protocol_whitelist",
        "rtsp,rtsps,rtp,srtp,udp,tcp,tls,crypto",
        "-rtsp_transport",
        "tcp",
        "-fflags",
        "nobuffer+bitexact",
        "-flags",
        "low_delay+bitexact",
        "-i",
    ]
    .map(String::from)
    .into();
    command.push(url.into());
    command.extend(["-map", "0:v:0", "-an", "-vf"].map(String::from));
    command.push(filters.join(","));
    let output = [
        "-bitexact",
        "-sws_flags",
        "bitexact+accurate_rnd+bicubic",
        "-f",
        "yuv4mpegpipe",
        "pipe:1",
    ];
    command.extend(output.map(String::from));
    Ok((command, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_holds_no_password() {
        for (url, name) in [
            ("rtsp://10.0.0.9/stream", "rtsp://10.0.0.9/stream"),
            ("rtsp://me:se@cret@cam:554/a/b?pw=1", "rtsp://cam:554/a/b"),
            ("rtsps://cam", "rtsps://cam"),
        ] {
            let (command, shown) = through_ffmpeg(url, None, None).unwrap();
            assert_eq!(shown, name);
            assert!(command.iter().any(|argument| argument == url));
        }
    }

    #[test]
    fn size_and_rate_are_asked_of_ffmpeg() {
        let size = Some(PictureSize::USUAL);
        let (command, _) = through_ffmpeg("rtsp://a/", size, FrameRate::new(12, 1)).unwrap();
        let filters = "fps=12/1,scale=640:480,format=yuv420p";
        assert!(
            command.iter().any(|argument| argument == filters),
            "{command:?}"
        );
    }

    #[test]
    fn other_addresses_are_refused() {
        for url in ["cam", "http://cam/", "file:///etc/passwd", "rtsp://"] {
            assert!(through_ffmpeg(url, None, None).is_err(), "{url}");
        }
    }
}
