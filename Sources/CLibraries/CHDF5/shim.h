// The HDF5 library from 1.10 on. Its constants are macros over run-time values and some of its functions are macros over
// versions, which Swift cannot import: each becomes a function.
#pragma once
#define H5_USE_110_API
#include <hdf5.h>
#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

static inline hid_t troupe_h5_native_float(void) { return H5T_NATIVE_FLOAT; }
static inline hid_t troupe_h5_native_double(void) { return H5T_NATIVE_DOUBLE; }
static inline hid_t troupe_h5_native_int32(void) { return H5T_NATIVE_INT32; }
static inline hid_t troupe_h5_native_int64(void) { return H5T_NATIVE_INT64; }
static inline hid_t troupe_h5_native_uint8(void) { return H5T_NATIVE_UINT8; }
static inline hid_t troupe_h5_little_float(void) { return H5T_IEEE_F32LE; }
static inline hid_t troupe_h5_little_int32(void) { return H5T_STD_I32LE; }
static inline hid_t troupe_h5_little_int64(void) { return H5T_STD_I64LE; }
static inline hid_t troupe_h5_little_uint32(void) { return H5T_STD_U32LE; }
static inline hid_t troupe_h5_c_string(void) { return H5T_C_S1; }
static inline hid_t troupe_h5_dataset_create(void) { return H5P_DATASET_CREATE; }
static inline hid_t troupe_h5_dataset_access(void) { return H5P_DATASET_ACCESS; }
static inline hid_t troupe_h5_group_create(void) { return H5P_GROUP_CREATE; }
static inline hid_t troupe_h5_file_access(void) { return H5P_FILE_ACCESS; }
static inline hid_t troupe_h5_file_create(void) { return H5P_FILE_CREATE; }
static inline hid_t troupe_h5_link_create(void) { return H5P_LINK_CREATE; }
static inline hid_t troupe_h5_default(void) { return H5P_DEFAULT; }
static inline hid_t troupe_h5_all(void) { return H5S_ALL; }
static inline unsigned troupe_h5_exclusive(void) { return H5F_ACC_EXCL; }
static inline unsigned troupe_h5_truncate(void) { return H5F_ACC_TRUNC; }
static inline unsigned troupe_h5_read_only(void) { return H5F_ACC_RDONLY; }
static inline size_t troupe_h5_variable(void) { return H5T_VARIABLE; }
static inline haddr_t troupe_h5_undefined(void) { return HADDR_UNDEF; }
// HDF5 prints a stack trace for every error unless asked not to; Troupe says its own line instead.
static inline void troupe_h5_silence(void) { H5Eset_auto2(H5E_DEFAULT, NULL, NULL); }
// Calls `visit` for the library's last errors, the deepest one first.
static inline void troupe_h5_walk_errors(H5E_walk2_t visit, void *context) {
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, visit, context);
}

// Calls `visit` for each link of a group, in the order of the names.
typedef H5L_info_t troupe_h5_link_info;
static inline herr_t troupe_h5_iterate(
    hid_t group, herr_t (*visit)(hid_t, const char *, const troupe_h5_link_info *, void *), void *context) {
  return H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, visit, context);
}
static inline herr_t troupe_h5_link(hid_t file, const char *name, troupe_h5_link_info *info) {
  return H5Lget_info(file, name, info, H5P_DEFAULT);
}

// The address of an object in its file, and the number of its names.
static inline herr_t troupe_h5_object(hid_t object, haddr_t *address, unsigned *names, H5O_type_t *type) {
  H5O_info_t info;
  herr_t result = H5Oget_info(object, &info);
  *address = info.addr;
  *names = info.rc;
  *type = info.type;
  return result;
}

// A file that one of our own drivers keeps: the library's part of it, then the driver's.
typedef struct {
  H5FD_t base;
  void *owner;
  haddr_t end_of_addresses;
} troupe_h5_file;

// Registers a driver of the fewest functions that the library demands; -1 where it fails.
static inline hid_t troupe_h5_register_driver(
    const char *name, H5FD_t *(*open)(const char *, unsigned, hid_t, haddr_t), herr_t (*close)(H5FD_t *),
    haddr_t (*get_eoa)(const H5FD_t *, H5FD_mem_t), herr_t (*set_eoa)(H5FD_t *, H5FD_mem_t, haddr_t),
    haddr_t (*get_eof)(const H5FD_t *, H5FD_mem_t),
    herr_t (*read)(H5FD_t *, H5FD_mem_t, hid_t, haddr_t, size_t, void *),
    herr_t (*write)(H5FD_t *, H5FD_mem_t, hid_t, haddr_t, size_t, const void *)) {
  static H5FD_class_t driver;
#if H5_VERSION_GE(1, 13, 2)
  driver.version = H5FD_CLASS_VERSION;
  driver.value = (H5FD_class_value_t)(H5_VFD_RESERVED + 255);
#endif
  driver.name = name;
  driver.maxaddr = (haddr_t)INT64_MAX;
  driver.fc_degree = H5F_CLOSE_STRONG;
  driver.fapl_size = sizeof(void *);
  driver.open = open;
  driver.close = close;
  driver.get_eoa = get_eoa;
  driver.set_eoa = set_eoa;
  driver.get_eof = get_eof;
  driver.read = read;
  driver.write = write;
  return H5FDregister(&driver);
}
