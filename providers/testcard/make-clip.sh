#!/bin/sh
# Makes the clips of the test card with ffmpeg (libx264, a font for drawtext): ./make-clip.sh, then commit what changed.
#
# A clip must loop without a seam, so it lasts a whole number of frames of both streams: 8 s are 200 pictures of 25 a
# second and 375 AAC frames of 1024 samples at 48 kHz (374 of sound, and the one by which the encoder starts). There are
# no B-frames, a key frame starts each second, and the beep with its flash is in the middle of a second, off the seam.
set -eu
cd "$(dirname "$0")"

make_clip() { # number, pattern, pitch of the beep in Hz
  flash="enable='between(mod(t,1),0.44,0.56)'"
  ffmpeg -hide_banner -loglevel error -y \
    -f lavfi -i "$2=size=1280x720:rate=25:duration=8,format=yuv420p" \
    -f lavfi -i "aevalsrc=0.2*sin(2*PI*$3*t)*between(mod(t\,1)\,0.45\,0.55):sample_rate=48000,atrim=end_sample=382976" \
    -filter:v "
      drawbox=x=320:y=180:w=640:h=240:color=black:t=fill,
      drawtext=text='Test card $1':x=(w-tw)/2:y=215:fontsize=84:fontcolor=white,
      drawtext=text='%{eif\\:floor(t)+1\\:d} of 8':x=(w-tw)/2:y=335:fontsize=40:fontcolor=white,
      drawbox=x=320:y=412:w=640:h=8:color=white:t=fill:$flash,
      drawbox=x='320+79*t':y=180:w=8:h=8:color=white:t=fill" \
    -c:v libx264 -preset veryslow -profile:v high -bf 0 -g 25 -keyint_min 25 -sc_threshold 0 -crf 23 \
    -c:a aac -ac 2 -b:a 64k \
    -map_metadata -1 -fflags +bitexact -flags:v +bitexact -flags:a +bitexact \
    -metadata service_provider=Headend -metadata service_name="Test card $1" \
    -f mpegts -pcr_period 40 -pat_period 0.5 -sdt_period 2 "testcard-$1.mpegts"
}

make_clip 1 smptehdbars 1000
make_clip 2 pal75bars 440
