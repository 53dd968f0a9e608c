"""By what the parts of JPEG and PNG files that hold metadata are known."""

PROFILE_KEY = "Raw profile type "  # how ImageMagick names the PNG text chunks that hold EXIF, IPTC and others in hex
XMP_KEY = "XML:com.adobe.xmp"
XMP_HEADER = b"http://ns.adobe.com/xap/1.0/\0"
PHOTOSHOP_HEADER = b"Photoshop 3.0\0"
RESOURCE = b"8BIM"
IPTC_RESOURCE = 0x0404
EXIF_HEADER = b"Exif\0\0"
