// Cameras of GStreamer's RTSP server: live pictures and sound of every kind that cameras send.

export interface PipelineOptions {
  /** Frames from key frame to key frame, at 25 a second; default 25. */
  readonly gop?: number;
  /** Kilobits a second; default 500. */
  readonly bitrate?: number;
  readonly width?: number;
  readonly height?: number;
}

export type CameraKind = "h264" | "h264+aac" | "h264+g711" | "h264 reordered" | "h265" | "mjpeg";

/** A pipeline for `openGstreamer()`. */
export function cameraPipeline(kind: CameraKind, o: PipelineOptions = {}): string {
  const { gop = 25, bitrate = 500, width = 320, height = 240 } = o;
  const pictures = `videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=${width},height=${height},framerate=25/1`;
  const sound = "audiotestsrc is-live=true ! audioconvert";
  const h264 = `x264enc tune=zerolatency speed-preset=ultrafast bitrate=${bitrate} key-int-max=${gop} ! rtph264pay name=pay0 pt=96`;
  const kinds: Readonly<Record<CameraKind, string>> = {
    h264: `${pictures} ! ${h264}`,
    "h264+aac": `${pictures} ! ${h264} ${sound} ! avenc_aac ! rtpmp4gpay name=pay1 pt=97`,
    "h264+g711": `${pictures} ! ${h264} ${sound} ! mulawenc ! rtppcmupay name=pay1 pt=0`,
    "h264 reordered": `${pictures} ! x264enc speed-preset=ultrafast bframes=2 rc-lookahead=0 sync-lookahead=0 bitrate=${bitrate} key-int-max=${gop} ! rtph264pay name=pay0 pt=96`,
    h265: `${pictures} ! x265enc tune=zerolatency speed-preset=ultrafast bitrate=${bitrate} key-int-max=${gop} ! rtph265pay name=pay0 pt=96`,
    mjpeg: `${pictures} ! jpegenc ! jpegparse ! rtpjpegpay name=pay0 pt=26`,
  };
  return `( ${kinds[kind]} )`;
}
