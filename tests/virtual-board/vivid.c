/*
 * The other side of the virtual camera: shows a video to it, and makes it fail.
 *
 *     vivid play OUTPUT CAPTURE CLIP.y4m SLOW   the clip, SLOW times slower, through the loop
 *     vivid set NODE "CONTROL" VALUE            a control of a node, by its name
 *
 * In raw V4L2 calls, because vivid's loop needs at least two output buffers queued at any time.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { WIDTH = 640, HEIGHT = 480, BUFFERS = 4 };

/* CEA-861's 640x480 at 59.94 Hz, the timings that both ends of the loop must have. */
static const struct v4l2_bt_timings TIMINGS = {
    .width = WIDTH,
    .height = HEIGHT,
    .pixelclock = 25175000,
    .hfrontporch = 16,
    .hsync = 96,
    .hbackporch = 48,
    .vfrontporch = 10,
    .vsync = 2,
    .vbackporch = 33,
    .standards = V4L2_DV_BT_STD_CEA861,
};

static void fail(const char *what, ...) {
    int code = errno;
    va_list list;
    va_start(list, what);
    fprintf(stderr, "vivid: ");
    vfprintf(stderr, what, list);
    fprintf(stderr, code ? ": %s\n" : "\n", strerror(code));
    va_end(list);
    exit(2);
}

static void call(int node, unsigned long request, void *argument, const char *name) {
    if (ioctl(node, request, argument) != 0) fail("%s", name);
}
#define CALL(node, request, argument) call(node, request, argument, #request)

static int open_node(const char *path) {
    int node = open(path, O_RDWR);
    if (node < 0) fail("%s", path);
    return node;
}

static void set_control(int node, const char *name, int value) {
    struct v4l2_queryctrl found = {.id = V4L2_CTRL_FLAG_NEXT_CTRL};
    for (; ioctl(node, VIDIOC_QUERYCTRL, &found) == 0; found.id |= V4L2_CTRL_FLAG_NEXT_CTRL) {
        if (strcmp((const char *)found.name, name) != 0) continue;
        struct v4l2_control control = {.id = found.id, .value = value};
        CALL(node, VIDIOC_S_CTRL, &control);
        return;
    }
    errno = 0;
    fail("there is no control \"%s\"", name);
}

static void set_picture(int node, unsigned type) {
    struct v4l2_dv_timings timings = {.type = V4L2_DV_BT_656_1120, .bt = TIMINGS};
    CALL(node, VIDIOC_S_DV_TIMINGS, &timings);
    struct v4l2_format format = {.type = type};
    format.fmt.pix.width = WIDTH;
    format.fmt.pix.height = HEIGHT;
    format.fmt.pix.pixelformat = V4L2_PIX_FMT_YUYV;
    format.fmt.pix.field = V4L2_FIELD_NONE;
    format.fmt.pix.colorspace = V4L2_COLORSPACE_SMPTE170M;
    CALL(node, VIDIOC_S_FMT, &format);
    if (format.fmt.pix.sizeimage != WIDTH * HEIGHT * 2) {
        errno = 0;
        fail("a picture of %u bytes is granted", format.fmt.pix.sizeimage);
    }
}

/* A YUV4MPEG2 file of 4:4:4 pictures in full range, as `praxiscope demo --write` makes it. */
struct clip {
    uint8_t *frames;
    size_t count, stride;
    int width, height;
    double rate;
};

static struct clip read_clip(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) fail("%s", path);
    char header[256];
    int over = 0, under = 1;
    struct clip clip = {0};
    int known = 0;
    if (!fgets(header, sizeof header, file)) fail("%s is empty", path);
    for (char *word = strtok(header, " \n"); word; word = strtok(NULL, " \n")) {
        if (word[0] == 'W') clip.width = atoi(word + 1);
        if (word[0] == 'H') clip.height = atoi(word + 1);
        if (word[0] == 'F') sscanf(word + 1, "%d:%d", &over, &under);
        known += strcmp(word, "C444") == 0 || strcmp(word, "XCOLORRANGE=FULL") == 0;
    }
    errno = 0;
    if (known != 2) fail("%s: not 4:4:4 in full range", path);
    if (clip.width < 2 || clip.height < 2 || over < 1 || under < 1) fail("%s: no video", path);
    if (WIDTH % clip.width || HEIGHT % clip.height) fail("%s: no part of 640x480", path);
    clip.rate = (double)over / under;
    clip.stride = (size_t)clip.width * clip.height * 3;
    while (fgets(header, sizeof header, file) && strncmp(header, "FRAME", 5) == 0) {
        clip.frames = realloc(clip.frames, (clip.count + 1) * clip.stride);
        if (!clip.frames) fail("%s is too large", path);
        if (fread(clip.frames + clip.count * clip.stride, 1, clip.stride, file) != clip.stride)
            fail("%s is cut short", path);
        clip.count++;
    }
    if (clip.count == 0) fail("%s has no frames", path);
    fclose(file);
    return clip;
}

/* Frame `index` of the clip as YUYV in video's limited range, each sample repeated. */
static void draw(const struct clip *clip, size_t index, uint8_t *picture) {
    size_t plane = (size_t)clip->width * clip->height;
    const uint8_t *y = clip->frames + index * clip->stride, *u = y + plane, *v = u + plane;
    int across = WIDTH / clip->width, down = HEIGHT / clip->height;
    for (int row = 0; row < HEIGHT; row++) {
        uint8_t *out = picture + (size_t)row * WIDTH * 2;
        if (row % down) {
            memcpy(out, out - WIDTH * 2, WIDTH * 2);
            continue;
        }
        int line = row / down * clip->width;
        for (int column = 0; column < WIDTH; column += 2, out += 4) {
            int at = line + column / across;
            out[0] = 16 + (y[at] * 219 + 127) / 255;
            out[1] = 128 + ((u[at] - 128) * 224) / 255;
            out[2] = 16 + (y[line + (column + 1) / across] * 219 + 127) / 255;
            out[3] = 128 + ((v[at] - 128) * 224) / 255;
        }
    }
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

static void play(const char *output, const char *capture, const char *path, double slow) {
    struct clip clip = read_clip(path);
    int out = open_node(output), in = open_node(capture);
    set_picture(out, V4L2_BUF_TYPE_VIDEO_OUTPUT);
    set_picture(in, V4L2_BUF_TYPE_VIDEO_CAPTURE);
    set_control(in, "OSD Text Mode", 2);
    set_control(in, "Loop Video", 1);
    close(in);

    struct v4l2_requestbuffers ask = {
        .count = BUFFERS, .type = V4L2_BUF_TYPE_VIDEO_OUTPUT, .memory = V4L2_MEMORY_MMAP};
    CALL(out, VIDIOC_REQBUFS, &ask);
    uint8_t *pictures[BUFFERS];
    long shown[BUFFERS];
    int type = V4L2_BUF_TYPE_VIDEO_OUTPUT;
    double start = 0;
    for (unsigned i = 0; i < BUFFERS; i++) {
        struct v4l2_buffer buffer = {.index = i, .type = ask.type, .memory = ask.memory};
        CALL(out, VIDIOC_QUERYBUF, &buffer);
        pictures[i] = mmap(NULL, buffer.length, PROT_READ | PROT_WRITE, MAP_SHARED, out,
                           buffer.m.offset);
        if (pictures[i] == MAP_FAILED) fail("mmap");
        draw(&clip, 0, pictures[i]);
        shown[i] = 0;
        buffer.bytesused = WIDTH * HEIGHT * 2;
        CALL(out, VIDIOC_QBUF, &buffer);
    }
    CALL(out, VIDIOC_STREAMON, &type);
    printf("vivid: the first picture stands\n");
    fflush(stdout);
    /* Whoever captures starts it with a signal file, so that no frame passes unseen. */
    for (;;) {
        struct v4l2_buffer buffer = {.type = ask.type, .memory = ask.memory};
        CALL(out, VIDIOC_DQBUF, &buffer);
        if (start == 0 && access("/tmp/play", F_OK) == 0) {
            start = now();
            printf("vivid: plays\n");
            fflush(stdout);
        }
        long index = start == 0 ? 0 : (long)((now() - start) * clip.rate / slow);
        if (index >= (long)clip.count + (long)clip.rate) break;
        if (index >= (long)clip.count) index = (long)clip.count - 1;
        if (shown[buffer.index] != index) {
            draw(&clip, (size_t)index, pictures[buffer.index]);
            shown[buffer.index] = index;
        }
        buffer.bytesused = WIDTH * HEIGHT * 2;
        CALL(out, VIDIOC_QBUF, &buffer);
    }
    printf("vivid: the clip is over\n");
}

int main(int count, char **arguments) {
    if (count == 6 && strcmp(arguments[1], "play") == 0) {
        play(arguments[2], arguments[3], arguments[4], atof(arguments[5]));
    } else if (count == 5 && strcmp(arguments[1], "set") == 0) {
        int node = open_node(arguments[2]);
        set_control(node, arguments[3], atoi(arguments[4]));
    } else {
        fprintf(stderr, "usage: vivid play OUTPUT CAPTURE CLIP.y4m SLOW | set NODE CONTROL VALUE\n");
        return 2;
    }
    return 0;
}
