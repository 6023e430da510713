#include "tls/pem_file.h"

#include "io/file.h"

vitro_code vitro_pem_read(struct pem *p, const char *path, vitro_bytes given, const char *what,
                          vitro_error *err)
{
    struct buf file;
    vitro_code rc;

    *p = (struct pem){ .name = NULL };
    if (!path)
        return given.len ? vitro_pem_take(p, given, what, err) : VITRO_OK;
    vitro_buf_init(&file, NULL, PEM_MAX);
    rc = vitro_file_read(&file, path, err);
    if (!rc)
        rc = vitro_pem_take(p, vitro_buf_bytes(&file), path, err);
    p->is_file = true;
    vitro_mem_wipe(file.ptr, file.cap);
    vitro_buf_done(&file);
    return rc;
}
