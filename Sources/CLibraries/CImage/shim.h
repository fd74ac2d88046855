// libpng by its simplified interface and libjpeg-turbo by TurboJPEG: neither lets a longjmp out to its caller, so no
// frame of Swift is ever skipped. A png_image must not move between its first and last call, which Swift's values may;
// so each lives in one function here.
#pragma once
#include <png.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <turbojpeg.h>

// Width, height and channels (1 grey, 3 red, green and blue) of an image, and what went wrong with it.
typedef struct {
  uint32_t width;
  uint32_t height;
  uint32_t channels;
  char message[sizeof(((png_image *)0)->message)];
} troupe_png;

static inline const char *troupe_png_message(const troupe_png *png) { return png->message; }

static inline uint32_t troupe_png_format(const troupe_png *png) {
  return png->channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
}

static inline bool troupe_png_end(troupe_png *png, png_image *image, bool is_done) {
  if (!is_done) memcpy(png->message, image->message, sizeof png->message);
  png_image_free(image);
  return is_done;
}

// Fills in `png` from a file's header.
static inline bool troupe_png_size(troupe_png *png, const void *file, size_t count) {
  png_image image = {.version = PNG_IMAGE_VERSION};
  bool is_read = png_image_begin_read_from_memory(&image, file, count);
  png->width = image.width;
  png->height = image.height;
  png->channels = image.format & PNG_FORMAT_FLAG_COLOR ? 3 : 1;
  return troupe_png_end(png, &image, is_read);
}

// Decodes a file of the size in `png` to the channels there; `pixels` has room for width × height × channels bytes.
static inline bool troupe_png_decode(troupe_png *png, const void *file, size_t count, uint8_t *pixels) {
  png_image image = {.version = PNG_IMAGE_VERSION};
  png_color white = {255, 255, 255};
  bool is_read = png_image_begin_read_from_memory(&image, file, count) && image.width == png->width &&
                 image.height == png->height;
  if (is_read) {
    image.format = troupe_png_format(png);
    // Levels of 16 bits are taken as they are, like those of 8 bits, where the file does not say otherwise.
    image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
    is_read = png_image_finish_read(&image, &white, pixels, 0, NULL);
  }
  return troupe_png_end(png, &image, is_read);
}

static inline png_image troupe_png_image(const troupe_png *png) {
  return (png_image){
    .version = PNG_IMAGE_VERSION,
    .width = png->width,
    .height = png->height,
    .format = troupe_png_format(png),
  };
}

// The most bytes that the image's file can take.
static inline size_t troupe_png_most_bytes(const troupe_png *png) {
  png_image image = troupe_png_image(png);
  return PNG_IMAGE_PNG_SIZE_MAX(image);
}

// Writes the image's file; `size` is the room there is, and becomes the bytes written.
static inline bool troupe_png_encode(troupe_png *png, const uint8_t *pixels, void *file, size_t *size) {
  png_image image = troupe_png_image(png);
  bool is_written = png_image_write_to_memory(&image, file, size, 0, pixels, 0, NULL);
  return troupe_png_end(png, &image, is_written);
}
